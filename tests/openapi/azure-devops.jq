# Cuts the paths that the plugin asks, and what their answers refer to, out of Microsoft's documents.
def tidy:
  walk(if type == "object" then
    with_entries(select(.key as $key | (.value | type) == "object" or
      (["description", "x-ms-enum", "title"] | index($key)) == null) | select(.key != "x-ms-enum"))
    else . end);
def names: [.. | objects | .["$ref"]? | strings | select(startswith("#/definitions/"))
  | ltrimstr("#/definitions/")];
(map(.paths) | add) as $paths | (map(.definitions) | add) as $definitions
| def with_theirs($found):
    (($found + ([$found[] | $definitions[.]] | names)) | unique) as $more
    | if $more == $found then $found else with_theirs($more) end;
  ["/{organization}/_apis/projects",
   "/{organization}/_apis/projects/{projectId}",
   "/{organization}/{project}/_apis/git/repositories",
   "/{organization}/{project}/_apis/git/repositories/{repositoryId}",
   "/{organization}/{project}/_apis/git/recycleBin/repositories",
   "/{organization}/{project}/_apis/wiki/wikis"]
| map({key: ., value: ($paths[.].get | {
    query: [.parameters[]? | if .["$ref"]? == "#/parameters/api-Version" then "api-version"
      else select(.in == "query") | .name end],
    scopes: [.security[]?.oauth2[]?],
    answers: (.responses | map_values(.schema // {}))
  })})
| from_entries
| . as $asked
| ["post /{organization}/{project}/_apis/git/repositories",
   "patch /{organization}/{project}/_apis/git/repositories/{repositoryId}",
   "delete /{organization}/{project}/_apis/git/repositories/{repositoryId}"]
| map(. as $key | split(" ") as [$method, $path] | {key: $key, value: ($paths[$path][$method] | {
    query: [.parameters[]? | if .["$ref"]? == "#/parameters/api-Version" then "api-version"
      else select(.in == "query") | .name end],
    body: ([.parameters[]? | select(.in == "body") | .schema] | first),
    scopes: [.security[]?.oauth2[]?],
    answers: (.responses | map_values(.schema // {}))
  })})
| from_entries
| . as $writes
| {
    paths: $asked, writes: $writes,
    definitions: (with_theirs([$asked, $writes] | names | unique)
      | map({key: ., value: $definitions[.]}) | from_entries)
  }
| tidy
