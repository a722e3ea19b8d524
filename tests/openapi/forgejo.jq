# Cuts the paths that the plugin asks, and what their answers refer to, out of Forgejo's document.
def tidy:
  walk(if type == "object" then
    with_entries(select(.key as $key | (.value | type) == "object" or
      (["description", "example", "title", "default", "x-go-name", "x-go-package", "x-deprecated"]
        | index($key)) == null))
    else . end);
def names: [.. | objects | .["$ref"]? | strings | select(startswith("#/definitions/"))
  | ltrimstr("#/definitions/")];
. as $whole
| def with_theirs($found):
    (($found + ([$found[] | $whole.definitions[.]] | names)) | unique) as $more
    | if $more == $found then $found else with_theirs($more) end;
  def answer: if .["$ref"]? then $whole.responses[.["$ref"] | ltrimstr("#/responses/")] else . end;
  ["/version", "/user", "/user/repos", "/user/orgs", "/users/{username}", "/users/{username}/repos",
   "/users/{username}/tokens", "/users/{username}/orgs/{org}/permissions", "/orgs/{org}",
   "/orgs/{org}/repos", "/repositories/{id}", "/user/quota", "/orgs/{org}/quota"]
| map({key: ., value: ($whole.paths[.].get | {
    query: [.parameters[]? | select(.in == "query") | .name],
    answers: (.responses | map_values(answer | .schema // {}))
  })})
| from_entries
| . as $paths
| ["post /user/repos", "post /orgs/{org}/repos", "patch /repos/{owner}/{repo}",
   "delete /repos/{owner}/{repo}", "post /repos/{owner}/{repo}/wiki/new"]
| map(. as $key | split(" ") as [$method, $path] | {key: $key, value: ($whole.paths[$path][$method] | {
    body: ([.parameters[]? | select(.in == "body") | .schema] | first),
    answers: (.responses | map_values(answer | .schema // {}))
  })})
| from_entries
| . as $writes
| {
    version: $whole.info.version, basePath: $whole.basePath, paths: $paths, writes: $writes,
    definitions: (with_theirs([$paths, $writes] | names | unique)
      | map({key: ., value: $whole.definitions[.]}) | from_entries)
  }
| tidy
