#!/usr/bin/env bash
# Resident memory and CPU of the dashboard alone with many sessions: bash benches/memory.sh [SESSIONS] [SECONDS]
# The simulated AWS runs as a process of its own, the dashboard on a pseudo-terminal of 200x60 (util-linux `script`).
set -euo pipefail
sessions=${1:-10000}
seconds=${2:-90}
program=${SSMWATCH:-target/release/ssmwatch}
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT

"$program" sim --scenario "generated:$sessions" >"$work/sim" 2>"$work/sim.err" &
sim=$!
until [ "$(wc -l <"$work/sim")" -ge 2 ]; do
  kill -0 "$sim" 2>/dev/null || { cat "$work/sim.err" >&2; exit 1; }
  sleep 0.1
done
endpoint=$(sed -n '1s/^listening on //p' "$work/sim")
python3 - "$work/sim" >"$work/config.toml" <<'PY'
import json, sys
world = json.loads(open(sys.argv[1]).read().splitlines()[1])
print('read_only = true')
for account in world["accounts"]:
    print(f'[[accounts]]\nid = "{account["id"]}"\nname = "{account["name"]}"')
    print('regions = [' + ', '.join(f'"{region}"' for region in world["regions"]) + ']')
    print(f'role_arn = "arn:aws:iam::{account["id"]}:role/ssmwatch"\nexternal_id = "ssmwatch-demo"')
print(f'[compliance]\nlog_bucket = "{world["log_bucket"]}"')
PY
management=$(python3 -c 'import json,sys; print(json.loads(open(sys.argv[1]).read().splitlines()[1])["management_account"])' "$work/sim")

export HOME=$work AWS_ACCESS_KEY_ID=$management AWS_SECRET_ACCESS_KEY=simulated AWS_EC2_METADATA_DISABLED=true TERM=xterm-256color LANG=C.UTF-8
mkfifo "$work/keys"
sleep "$((seconds + 30))" >"$work/keys" &
script -qfc "stty cols 200 rows 60; exec '$program' --config '$work/config.toml' --endpoint-url '$endpoint'" "$work/screen" <"$work/keys" >/dev/null &
sleep 2
dashboard=$(pgrep -nf -- "--config $work/config.toml")
before=$(awk '{print $14 + $15}' "/proc/$dashboard/stat")
sleep "$seconds"
after=$(awk '{print $14 + $15}' "/proc/$dashboard/stat")
awk -v n="$sessions" '/^VmRSS/ {rss=$2} /^VmHWM/ {peak=$2} END {printf "%d sessions: RSS %.1f MB, peak %.1f MB\n", n, rss/1024, peak/1024}' "/proc/$dashboard/status"
awk -v ticks="$((after - before))" -v hz="$(getconf CLK_TCK)" -v s="$seconds" 'BEGIN {printf "CPU %.2f %% of a core over %d s\n", 100*ticks/hz/s, s}'
kill -TERM "$dashboard"
