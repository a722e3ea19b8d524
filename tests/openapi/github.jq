# Cuts the paths that the plugin asks, and what their answers refer to, out of GitHub's document.
def tidy:
  walk(if type == "object" then
    with_entries(select(.key as $key | (.value | type) == "object" or (.value | type) == "array" or
      (["description", "example", "title", "default", "format", "pattern", "deprecated", "summary"]
        | index($key)) == null))
    | del(.examples, .example, .externalDocs, .discriminator, ."x-github")
    else . end);
def names: [.. | objects | .["$ref"]? | strings | select(startswith("#/components/schemas/"))
  | ltrimstr("#/components/schemas/")];
. as $whole
| def at($ref): ($ref | ltrimstr("#/") | split("/")) as $path | $whole | getpath($path);
  def whole: if .["$ref"]? then at(.["$ref"]) else . end;
  def with_theirs($found):
    (($found + ([$found[] | $whole.components.schemas[.]] | names)) | unique) as $more
    | if $more == $found then $found else with_theirs($more) end;
  ["/user get", "/user/repos get", "/user/memberships/orgs get", "/users/{username} get",
   "/users/{username}/repos get", "/users/{username}/gists get", "/orgs/{org}/repos get", "/gists get",
   "/gists/starred get", "/app get", "/app/installations get", "/installation/repositories get",
   "/app/installations/{installation_id}/access_tokens post", "/orgs/{org} get", "/orgs/{org}/repos post",
   "/user/repos post", "/repos/{owner}/{repo} get", "/repos/{owner}/{repo} patch",
   "/repos/{owner}/{repo} delete", "/repos/{owner}/{repo}/actions/permissions get",
   "/repos/{owner}/{repo}/actions/permissions put"]
| map(. as $key | split(" ") as [$path, $method] | {key: $key, value: ($whole.paths[$path][$method] | {
    query: [.parameters[]? | whole | select(.in == "query") | .name],
    body: (.requestBody.content["application/json"].schema.properties // {} | keys),
    answers: (.responses | map_values(whole | .content["application/json"].schema // {}))
  })})
| from_entries
| . as $paths
| {
    version: $whole.info.version, paths: $paths,
    schemas: (with_theirs($paths | names | unique)
      | map({key: ., value: $whole.components.schemas[.]}) | from_entries)
  }
| tidy
