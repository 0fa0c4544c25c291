#!/usr/bin/env bash
# waf tune, explain and replay over recorded requests: what is proposed, explained and changed, and the exit codes; waf test --print.
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

cat >"$folder/now.conf" <<'CONF'
SecRuleEngine On
SecRequestBodyAccess On
SecRule ARGS "@rx (?i)select.+from" "id:100,phase:2,deny,status:403,t:none,t:urlDecodeUni,t:lowercase,msg:'SQL words'"
CONF
sed 's/select.+from/select.+from.+where/' "$folder/now.conf" >"$folder/next.conf"
record() { # NUMBER CLIENT URI ACTION STATUS
  jq -cn --arg id "$(printf '%032x' "$1")" --arg client "$2" --arg uri "$3" --arg action "$4" --argjson status "$5" '{transaction: {
    client_ip: $client, time_stamp: "2026-01-02T10:00:00Z", client_port: 4711, host_ip: "10.0.0.1", host_port: 443, unique_id: $id, action: $action,
    request: {method: "GET", http_version: "1.1", uri: $uri, headers: {Host: "shop", "User-Agent": "Mozilla"}}, response: {http_code: $status, headers: {}},
    messages: [if $status == 403 then {message: "SQL words", details: {ruleId: "100", file: "now.conf", lineNumber: "3", phase: "2", variable: "ARGS:text", value: "select one from"}} else empty end]}}'
}
for i in $(seq 1 8); do record "$i" "192.0.2.$i" "/notes/save?text=please%20select%20one%20from%20list%20$i" deny 403; done >"$folder/traffic.jsonl"

expect 'what many clients were refused for is proposed' 0 "$(code_of "$ringwall" --json waf tune --rules "$folder/now.conf" --file "$folder/traffic.jsonl")"
expect 'as narrowly as they have it in common' '100 ARGS:text = /notes/save 8 8 8' \
  "$(jq -r '.proposals[] | "\(.rules) \(.targets[0]) \(.path) \(.requests) \(.clients) \(.passed_alone)"' "$folder/out")"
head -2 "$folder/traffic.jsonl" >"$folder/few.jsonl"
code_of "$ringwall" --json waf tune --rules "$folder/now.conf" --file "$folder/few.jsonl" >/dev/null
expect 'two clients are no reason' 0 "$(jq '.proposals | length' "$folder/out")"

expect 'a request is explained' 0 "$(code_of "$ringwall" --json waf explain --rules "$folder/now.conf" --file "$folder/traffic.jsonl" "$(printf '%032x' 3)")"
expect 'by its rule, variable and every step' '100 ARGS:text please select one from list 3: urlDecodeUni lowercase: select one from' \
  "$(jq -r '.rules[0] as $r | $r.values[0] | "\($r.rule) \(.target) \(.value): \([.steps[].transformation] | join(" ")): \(.found)"' "$folder/out")"
expect 'one that is not there is an error' 2 "$(code_of "$ringwall" waf explain --rules "$folder/now.conf" --file "$folder/traffic.jsonl" "$(printf '%032x' 99)")"

expect 'rules that refuse less' 0 "$(code_of "$ringwall" --json waf replay --rules "$folder/next.conf" --current "$folder/now.conf" --file "$folder/traffic.jsonl")"
expect 'let all of them through' '8 0 0 8' "$(jq -r '"\(.refused_before) \(.refused_now) \(.newly_refused) \(.no_longer_refused)"' "$folder/out")"
expect 'rules that refuse more end with 1' 1 "$(code_of "$ringwall" waf replay --rules "$folder/now.conf" --current "$folder/next.conf" --file "$folder/traffic.jsonl")"

# The declaration of a place with an API description is judged by its rules alone.
printf '{"openapi": "3.1.0", "paths": {"/notes/save": {"get": {}}}}' >"$folder/api.json"
cat >"$folder/ringwall.yaml" <<YAML
application: shop
edge:
  listeners: [{ address: "127.0.0.1:8080", tls: false }]
  hosts:
    - names: [shop]
      routes: [{ path: /, service: web, waf: { openapi: { file: api.json } } }]
services: [{ name: web, addresses: ["127.0.0.1:8081"] }]
waf: { mode: block, core_rule_set: "", rules: [now.conf] }
YAML
expect 'a declaration with an API description is replayed' 0 "$(code_of "$ringwall" --json waf replay "$folder/ringwall.yaml" --current "$folder/ringwall.yaml" --file "$folder/traffic.jsonl")"
expect 'by its rules' '8 8' "$(jq -r '"\(.refused_before) \(.refused_now)"' "$folder/out")"
# The requests of go-ftw tests, for whoever sends them elsewhere.
mkdir "$folder/tests"
cat >"$folder/tests/1.yaml" <<'YAML'
rule_id: 1
tests:
  - test_id: 7
    stages:
      - input:
          method: GET
          uri: "/?a=evil"
          headers: { Host: localhost }
        output:
          log: { expect_ids: [1], no_expect_ids: [2] }
YAML
expect 'the requests of tests are printed' 0 "$(code_of "$ringwall" waf test --print "$folder/tests")"
expect 'with the rules they are about' '{"expect_ids":[1],"no_expect_ids":[2],"rule":1,"test":7}' "$(jq -cS 'del(.request_hex)' "$folder/out")"
expect 'byte by byte' "$(printf 'GET /?a=evil HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' | od -An -v -tx1 | tr -d ' \n')" "$(jq -r .request_hex "$folder/out")"
expect 'without rules there is nothing to test' 1 "$(code_of "$ringwall" waf test "$folder/tests")"
grep -q -- '--rules' "$folder/err" && said=yes || said=no
expect 'and the way out is named' yes "$said"
expect 'rules and no test of them is a usage error' 2 "$(code_of "$ringwall" waf test --print --rules "$folder/now.conf" "$folder/tests")"
exit $failed
