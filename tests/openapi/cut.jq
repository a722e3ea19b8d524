# Cuts Atlassian's OpenAPI document down to what tests/tests/e2e/openapi.rs needs: see README.md.

def paths_kept: [
  "/repositories/{workspace}",
  "/repositories/{workspace}/{repo_slug}",
  "/repositories/{workspace}/{repo_slug}/pipelines_config",
  "/user",
  "/user/workspaces",
  "/workspaces/{workspace}",
  "/workspaces/{workspace}/projects/{project_key}"
];

# A project is looked at, never made or changed.
def methods_kept: if endswith("{project_key}") then ["get"] else ["get", "post", "put", "delete"] end;

# Nothing refers to these: the `type` of an account names them.
def kinds_kept: ["user", "app_user", "team"];

# Without texts and examples, which no test reads. A property may be called `description`, so what
# is below `properties` keeps its names.
def bare:
  if type == "array" then map(bare)
  elif type == "object" then
    with_entries(
      if .key == "properties" then .value |= map_values(bare)
      elif .key | IN("description", "summary", "title", "examples", "tags", "security") then empty
      else .value |= bare
      end)
  else . end;

# The names of the schemas that a part of the document refers to.
def referred: [.. | objects | .["$ref"]? // empty | ltrimstr("#/components/schemas/")];

# A branch leads to a commit, its authors, its participants: no listing holds one.
(.components.schemas | del(.ref.properties.target) | bare) as $schemas
| (.paths | with_entries(select(.key | IN(paths_kept[]))
    | (.key | methods_kept) as $methods
    | .value |= with_entries(select(.key | IN($methods[], "parameters")))) | bare) as $paths
| (($paths | referred) + kinds_kept | unique) as $roots
| def reach: . as $known | (map($schemas[.] | referred) | add + $known | unique)
    | if . == $known then . else reach end;
  ($roots | reach) as $names
| {
    openapi,
    info: {title: .info.title, version: .info.version},
    "x-revision": .["x-revision"],
    servers,
    paths: $paths,
    components: {
      securitySchemes: {oauth2: (.components.securitySchemes.oauth2 | del(..|.scopes?) | bare)},
      schemas: ($schemas | with_entries(select(.key | IN($names[]))))
    }
  }
