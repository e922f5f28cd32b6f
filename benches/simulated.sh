# For scripts beside the benchmarks: starts the simulated AWS as a process of its own, and writes a config of all its accounts.
#
# simulated PROGRAM ARGUMENTS OF `ssmwatch sim`...; sets work (a directory that is removed at the end), endpoint and config (a file), and the
# environment in which the dashboard reaches it. What else belongs into the config is added by the caller; `world KEY` answers from the summary.
simulated() {
  local program=$1
  shift
  work=${work:-$(mktemp -d)}
  trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT
  "$program" sim "$@" >"$work/sim" 2>"$work/sim.err" &
  local sim=$!
  until [ -e "$work/sim" ] && [ "$(wc -l <"$work/sim")" -ge 2 ]; do
    kill -0 "$sim" 2>/dev/null || { cat "$work/sim.err" >&2; exit 1; }
    sleep 0.1
  done
  endpoint=$(sed -n '1s/^listening on //p' "$work/sim")
  config=$work/config.toml
  python3 - "$work/sim" >"$work/accounts.toml" <<'PY'
import json, sys
world = json.loads(open(sys.argv[1]).read().splitlines()[1])
for account in world["accounts"]:
    print(f'[[accounts]]\nid = "{account["id"]}"\nname = "{account["name"]}"')
    print('regions = [' + ', '.join(f'"{region}"' for region in world["regions"]) + ']')
    print(f'role_arn = "arn:aws:iam::{account["id"]}:role/ssmwatch"\nexternal_id = "ssmwatch-demo"')
print(f'[compliance]\nlog_bucket = "{world["log_bucket"]}"')
PY
  export HOME=$work AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY=simulated AWS_EC2_METADATA_DISABLED=true TERM=xterm-256color LANG=C.UTF-8
  AWS_ACCESS_KEY_ID=$(world management_account)
  mkfifo "$work/keys"
}

# A value of the summary that the simulated AWS prints.
world() {
  python3 -c 'import json, sys; print(json.loads(open(sys.argv[1]).read().splitlines()[1])[sys.argv[2]])' "$work/sim" "$1"
}
