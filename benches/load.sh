#!/usr/bin/env bash
# Two servers on one PostgreSQL, and clients that call functions of one tenant, then of eight, for a while.
# Prints how many calls were answered and how long that took; then every record is counted and every chain
# verified. Fails where a call that was answered is not recorded. Needs wrk, curl, psql and ssh-keygen.
# usage: load.sh [FNVET [SECONDS [CONNECTIONS]]]
set -euo pipefail
fnvet=$(realpath "${1:-target/release/fnvet}")
seconds=${2:-30}
connections=${3:-16}
scripts=$(realpath "$(dirname "$0")/../tests/scripts")
lua=$(realpath "$(dirname "$0")/load.lua")
work=$(mktemp -d)
chmod 711 "$work"
cd "$work"
servers=()
ended() {
  [[ ${#servers[@]} == 0 ]] || { kill "${servers[@]}" && wait; } 2> /dev/null || true
  "$scripts/postgres.sh" "$work/postgres" stop
  rm -rf "$work"
}
trap ended EXIT

store=$("$scripts/postgres.sh" "$work/postgres" make)
ssh-keygen -q -t ed25519 -N '' -f fnvet.seal.key
printf 'require-isolation = "reduced"\n' > fnvet.toml
token() { "$fnvet" token --tenant "$1" --user "$2" "${@:3}" 2> /dev/null; }
token load admin --role super-admin > admin

addresses=()
for number in 1 2; do
  "$fnvet" serve --listen 127.0.0.1:0 --config fnvet.toml --store "$store" 2> "log$number" &
  servers+=("$!")
  until grep -q 'serving on http://' "log$number"; do
    kill -0 "$!" || { cat "log$number" >&2; exit 1; }
    sleep 0.1
  done
  addresses+=("$(grep -o '127.0.0.1:[0-9]*' "log$number" | head -n 1)")
done
api=http://${addresses[0]}/api/octopus/ai-functions

code='function execute(input) {\n  if (!Number.isInteger(input.days) || input.days < 0 || input.days > 30) throw new Error(\"days must be 0 to 30\");\n  return { left: 30 - input.days };\n}\n'
schema='{"type":"object","properties":{"days":{"type":"integer","minimum":0,"maximum":30}},"required":["days"]}'
send() { curl --fail --silent --show-error -H "Authorization: Bearer $1" -H 'Content-Type: application/json' "${@:2}"; }
for tenant in 1 2 3 4 5 6 7 8; do
  id=$(send "$(token "tenant_$tenant" ann --role author)" --data "{\"name\":\"leave_left\",\"code\":\"$code\",\"inputSchema\":$schema}" "$api" | grep -o 'fn_[0-9a-f]\{24\}' | head -n 1)
  bob=$(token "tenant_$tenant" bob --role approver)
  send "$bob" "$api/$id" > /dev/null
  send "$bob" --data '{"approved":true}' "$api/$id/approve" > /dev/null
  printf '/api/octopus/ai-functions/%s/execute %s\n' "$id" "$(token "tenant_$tenant" mary --agent agent_hr_01)" >> targets
done

executed() { psql -qtA "$store" -c "SELECT count(*) FROM audit WHERE event = 'AIFunctionExecuted' AND success = 1"; }
for tenants in 1 8; do
  { printf '%s\n' "${addresses[@]/:/ }"; head -n "$tenants" targets; } > load
  before=$(executed)
  printf '%s tenant(s), %s connections, two servers:\n' "$tenants" "$connections"
  FNVET_LOAD=load wrk --threads 2 --connections "$connections" --duration "${seconds}s" --timeout 30s --script "$lua" "http://${addresses[0]}" > played
  grep -E '^(returned|calls|connections) ' played || { cat played >&2; exit 1; }
  # Calls that were cut when time was up are finished and recorded, too.
  returned=$(grep -o '^returned [0-9]*' played | grep -o '[0-9]*')
  recorded=$(($(executed) - before))
  printf 'recorded %s\n\n' "$recorded"
  ((returned > 0 && recorded >= returned)) || { echo 'wrong: a call was answered and not recorded' >&2; exit 1; }
done
kill "${servers[@]}"
wait
servers=()
FNVET_TOKEN=$(cat admin) "$fnvet" audit --verify --store "$store" --config fnvet.toml | sed -E 's/[0-9a-f]{64}/…/'
