#!/usr/bin/env bash
# waf openapi, and check with a description of an API: what is printed, and the exit codes.
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

cat >"$folder/api.yaml" <<'YAML'
openapi: 3.1.0
servers: [{ url: /v1 }]
paths:
  /pets:
    post:
      operationId: addPet
      requestBody: { content: { application/json: { schema: { type: object, properties: { name: { type: string, maxLenght: 3 } }, additionalProperties: false } } } }
YAML
expect 'a document is listed' 0 "$(code_of "$ringwall" waf openapi "$folder/api.yaml")"
expect 'its operations' $'POST    /pets  addPet\n1 operations below /v1, 1 warnings' "$(cat "$folder/out")"
grep -q 'api.yaml:7:.*maxLenght: is a keyword that is not known' "$folder/err" && told=yes || told=no
expect 'and what is not checked, with its line' yes "$told"

echo '{"name": "Rex", "admin": true}' >"$folder/pet.json"
expect 'a request that does not fit is exit 1' 1 "$(code_of "$ringwall" --json waf openapi "$folder/api.yaml" --request POST /v1/pets --header 'Content-Type: application/json' --body "$folder/pet.json")"
expect 'with place and reason' '400 body /admin is not described' "$(jq -r '"\(.status) \(.findings[0].place) \(.findings[0].reason)"' "$folder/out")"
echo '{"name": "Rex"}' >"$folder/pet.json"
expect 'one that fits is exit 0' 0 "$(code_of "$ringwall" waf openapi "$folder/api.yaml" --request POST /v1/pets --header 'Content-Type: application/json' --body "$folder/pet.json")"

sed 's/maxLenght: 3/maxLength: -3/' "$folder/api.yaml" >"$folder/bad.yaml"
expect 'a wrong document is exit 2' 2 "$(code_of "$ringwall" waf openapi "$folder/bad.yaml")"
cat >"$folder/ringwall.yaml" <<'YAML'
application: a
waf: { mode: block, core_rule_set: '', rules: [own.conf] }
edge:
  listeners: [{ address: '127.0.0.1:8080', tls: false }]
  hosts:
    - names: [a.example]
      routes:
        - { path: /, service: web, waf: { openapi: { file: bad.yaml } } }
services:
  - { name: web, addresses: ['127.0.0.1:9'] }
YAML
echo 'SecRuleEngine On' >"$folder/own.conf"
expect 'and an error of the declaration that names it' 2 "$(code_of "$ringwall" check "$folder/ringwall.yaml")"
grep -q 'bad.yaml:7:.*/maxLength: is not a count' "$folder/err" && told=yes || told=no
expect 'with line and pointer' yes "$told"
sed -i 's/bad.yaml/api.yaml/' "$folder/ringwall.yaml"
expect 'the right one passes' 0 "$(code_of "$ringwall" check "$folder/ringwall.yaml")"
exit $failed
