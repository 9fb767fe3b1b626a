#!/usr/bin/env bash
# Plays author, approver, admin, agent and outsider against a server of its own, with curl, and
# prints every request with its answer. What differs from run to run (ids, hashes, times, ports) is
# replaced, so that two transcripts can be compared: src/server/README.md holds one.
# usage: end-to-end.sh [FNVET [STORE [COMMAND…]]]
# COMMAND is run while the function is active, with URL, AGENT (the agent's token), ALL (one with every role),
# and ANN, BOB and ROOT (those of the author, the approver and the admin).
set -euo pipefail
fnvet=$(realpath "${1:-target/debug/fnvet}")
store=${2:-fnvet.db}
scripts=$(realpath "$(dirname "$0")")
work=$(mktemp -d)
cd "$work"
server=
ended() {
  [[ -z $server ]] || { kill "$server" && wait "$server"; } 2> /dev/null || true
  rm -rf "$work"
}
trap ended EXIT

wrong() {
  printf 'wrong: %s\n' "$*" >&2
  exit 1
}

token() { "$fnvet" token --tenant "$1" --user "$2" "${@:3}" 2> /dev/null; }
ANN=$(token acme ann --role author)
BOB=$(token acme bob --role approver)
ROOT=$(token acme root --role admin)
MARY=$(token acme mary --agent agent_hr_01)
EVE=$(token other eve --agent agent_hr_01 --role author --role approver --role admin)

# An SQLite store gets its seal key by itself; servers that share a database share theirs.
[[ $store != postgres* ]] || ssh-keygen -q -t ed25519 -N '' -f fnvet.seal.key
# Where layers of isolation cannot be had (in a container), the server is told to do without.
printf 'require-isolation = "reduced"\n' > fnvet.toml
"$fnvet" serve --listen 127.0.0.1:0 --config fnvet.toml --store "$store" 2> log &
server=$!
until address=$(grep -o 'http://127.0.0.1:[0-9]*' log); do
  kill -0 "$server" 2> /dev/null || { cat log >&2; exit 1; }
  sleep 0.1
done
url=$address/api/octopus/ai-functions

stable() {
  sed -E -e 's/fn_[0-9a-f]{24}/fn_7f3a/g' -e 's/[0-9a-f]{64}/…/g' -e 's/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z/2025-03-14T09:22:31Z/g' \
    -e 's/"(durationMs|statements|heapBytes|statementsMax|heapBytesMax)":[0-9]+/"\1":0/g' -e 's/"approvalId":"[^"]*"/"approvalId":"…"/g' \
    -e 's/"isolation":"[^"]*"/"isolation":"…"/g' -e "s#$address#http://127.0.0.1:8080#g"
}

# play EXPECTED WHO CURL-ARGUMENTS…: sends a request with the token of somebody, and shows both.
play() {
  local expected=$1 who=$2 status
  shift 2
  {
    printf '$ curl -H "Authorization: Bearer $%s"' "$who"
    local argument
    for argument in "$@"; do
      if [[ $argument == *[!A-Za-z0-9:/._@?=-]* ]]; then printf " '%s'" "$argument"; else printf ' %s' "$argument"; fi
    done
    printf '\n'
  } | stable
  status=$(curl --silent --show-error --output body --write-out '%{http_code}' -H "Authorization: Bearer ${!who}" "$@")
  printf '%s %s\n\n' "$status" "$(stable < body)"
  [[ $status == "$expected" ]] || wrong "$expected was expected, not $status"
}

say() { printf '# %s\n' "$*"; }
json=(-H 'Content-Type: application/json')

code='function execute(input) {\n  if (!Number.isInteger(input.days) || input.days < 0 || input.days > 30) throw new Error(\"days must be 0 to 30\");\n  return { left: 30 - input.days };\n}\n'
schema='{"type":"object","properties":{"days":{"type":"integer","minimum":0,"maximum":30}},"required":["days"],"additionalProperties":false}'
cases='[{"name":"five","input":{"days":5},"expect":{"left":25}}]'
printf '{"name":"leave_left","description":"Days of leave that are left","language":"JavaScript","code":"%s","inputSchema":%s,"cases":%s}' "$code" "$schema" "$cases" > leave_left.json
printf '{"name":"evil","code":"function execute(input) { return eval(input.code); }"}' > evil.json

say 'Ann, an author, hands a function in. It is inactive.'
play 201 ANN "${json[@]}" --data @leave_left.json "$url"
id=$(grep -o 'fn_[0-9a-f]\{24\}' body | head -n 1)

say 'Nobody can call it yet.'
play 409 MARY "${json[@]}" --data '{"input":{"days":5}}' "$url/$id/execute"
say 'Ann cannot approve: it takes another role, and another person.'
play 403 ANN "${json[@]}" --data '{"approved":true}' "$url/$id/approve"
say 'Bob, an approver, sees what awaits review, but approves nothing that he has not read.'
play 200 BOB "$url"
play 428 BOB "${json[@]}" --data '{"approved":true}' "$url/$id/approve"
play 200 BOB "$url/$id"
play 200 BOB "$url/$id/findings"
say 'He approves exactly the version that he read: linted, and tried in the sandbox.'
play 200 BOB "${json[@]}" -H 'If-Match: "1"' -H 'Idempotency-Key: 4c9a' --data '{"approved":true,"notes":"read it"}' "$url/$id/approve"

say 'Mary, through an agent, calls it. What it may know of her comes from the token.'
play 200 MARY "${json[@]}" --data '{"input":{"days":5}}' "$url/$id/execute"
play 200 MARY "${json[@]}" --data '{"input":{"days":"five"}}' "$url/$id/execute"
play 422 MARY "${json[@]}" --data '{"input":{"days":5},"tenantId":"other"}' "$url/$id/execute"
say 'The same function is a tool of the agent by MCP.'
play 200 MARY "${json[@]}" -H 'Accept: application/json, text/event-stream' --data '{"jsonrpc":"2.0","id":1,"method":"tools/list"}' "$address/mcp"

if [[ $# -gt 2 ]]; then
  ALL=$(token acme all --agent agent_hr_01 --role author --role approver --role admin)
  URL=$address AGENT=$MARY ALL=$ALL ANN=$ANN BOB=$BOB ROOT=$ROOT SCRIPTS=$scripts "${@:3}" >&2
fi

say 'To another tenant it does not exist.'
play 404 EVE "$url/$id"
play 404 EVE "${json[@]}" --data '{"input":{"days":5}}' "$url/$id/execute"
say 'Who has no valid token is nobody.'
NOBODY=nothing
play 401 NOBODY "$url"

say 'A function that the checklist forbids is handed in, and refused where it would become active.'
play 201 ANN "${json[@]}" --data @evil.json "$url"
evil=$(grep -o 'fn_[0-9a-f]\{24\}' body | head -n 1)
play 200 BOB "$url/$evil"
play 422 BOB "${json[@]}" --data '{"approved":true}' "$url/$evil/approve"
play 200 BOB "${json[@]}" --data '{"approved":false,"notes":"eval"}' "$url/$evil/approve"

say 'An admin ends a function at once, and reads what happened.'
play 200 ROOT "${json[@]}" --data '{"reason":"the rules changed"}' "$url/$id/revoke"
play 409 MARY "${json[@]}" --data '{"input":{"days":5}}' "$url/$id/execute"
play 200 ROOT "$url/audit?function=leave_left&event=executed"

kill "$server"
wait "$server" || wrong "the server did not stop in order"
server=
say 'The chain of the audit log holds.'
printf '$ fnvet audit --verify --store fnvet.db\n'
FNVET_TOKEN=$ROOT "$fnvet" audit --verify --config fnvet.toml --store "$store" | stable
