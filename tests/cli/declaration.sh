#!/usr/bin/env bash
# check, schema and version as a script sees them: what is printed where, and the exit codes.
set -euo pipefail
ringwall=${RINGWALL:-build/release/ringwall}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0
expect() { # WHAT EXPECTED ACTUAL
  if [ "$2" = "$3" ]; then printf 'ok      %s\n' "$1"
  else printf 'FAILED  %s\n--- expected\n%s\n--- got\n%s\n' "$1" "$2" "$3"; failed=1; fi
}
code_of() { local code=0; "$@" >"$folder/out" 2>"$folder/err" || code=$?; echo $code; }

expect 'the example is right' 0 "$(code_of "$ringwall" check examples/shop/ringwall.yaml)"
expect 'and nothing is said of an error' '' "$(cat "$folder/err")"

cat >"$folder/ringwall.yaml" <<'YAML'
application: a
edge:
  listners: []
YAML
expect 'a mistake is exit 2' 2 "$(code_of "$ringwall" check "$folder/ringwall.yaml")"
expect 'its place is named' "$folder/ringwall.yaml:3:3" "$(grep -oE "$folder/ringwall.yaml:[0-9]+:[0-9]+" "$folder/err" "$folder/out" -h | head -1)"
grep -q 'listeners' "$folder/out" "$folder/err" && near=named || near=missing
expect 'and the nearest name' named "$near"
"$ringwall" --json check "$folder/ringwall.yaml" >"$folder/json" || true
expect 'for programs: line and column' '3 3' "$(jq -r '.diagnostics[0] | "\(.line) \(.column)"' "$folder/json")"

expect 'a missing file is an error' 1 "$(code_of "$ringwall" check "$folder/none.yaml")"
grep -q 'none.yaml' "$folder/err" && named=yes || named=no
expect 'that names the file' yes "$named"
expect 'no such subcommand is a usage error' 2 "$(code_of "$ringwall" chek)"

"$ringwall" schema >"$folder/schema.json"
expect 'the schema is a JSON Schema with the services' true "$(jq 'has("$schema") and (.properties | has("services"))' "$folder/schema.json")"
for command in up down check plan apply schema status logs trace services sql version; do
  "$ringwall" $command --help >"$folder/help"
  grep -q "ringwall $command" "$folder/help" && example=yes || example=no
  expect "$command --help shows an example" yes "$example"
done
exit $failed
