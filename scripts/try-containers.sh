#!/usr/bin/env bash
# Tries the image as a careful company would run it: read-only, without capabilities, as a random user, in 128 MB. With Docker or Podman:
#   scripts/try-containers.sh [--image <name>] [--node-image <name>] [--from <image>]
#     --image       tries this one and builds none
#     --node-image  builds on this one in place of the Dockerfile's
#     --from        the release to upgrade from (default: the same image)
# ENGINE (docker or podman), BUILD_OPTIONS and RUN_OPTIONS (more options of `build` and `run`) come from the environment. It takes about three minutes
# beside the build, prints a line for each promise, and ends with 1 when one is broken. Of what it made only the image stays.
set -uo pipefail
cd "$(dirname "$0")/.."

image="" node_image="" from=""
while [ $# -gt 0 ]; do
  case $1 in
    --image) image=$2 ;;
    --node-image) node_image=$2 ;;
    --from) from=$2 ;;
    *) sed -n 's/^# \{0,1\}//; 2,9p' "$0"; exit 2 ;;
  esac
  shift 2
done
engine=${ENGINE:-$(command -v docker >/dev/null && docker info >/dev/null 2>&1 && echo docker || echo podman)}
read -ra build_options <<<"${BUILD_OPTIONS:-}"
read -ra run_options <<<"${RUN_OPTIONS:-}"

name=patchbay-try-$$
folder=$(mktemp -d)
failed=0
remove() {
  "$engine" rm -f $name $name-2 >/dev/null 2>&1
  "$engine" volume rm -f $name $name-restored >/dev/null 2>&1
  rm -rf "$folder"
}
trap remove EXIT

ok() { printf 'ok    %s\n' "$*"; }
broken() { printf 'FAIL  %s\n' "$*"; failed=1; }
# promise <sentence> <command…>: the command's exit code decides; its output is shown when it fails.
promise() {
  local sentence=$1 output
  shift
  if output=$("$@" 2>&1); then ok "$sentence"; else broken "$sentence"; printf '%s\n' "$output" | tail -n 15 | sed 's/^/        /'; fi
}
now_ms() { date +%s%3N; }
# until_ok <seconds> <command…>: again and again until it succeeds; prints what it says last.
until_ok() {
  local end=$(($(now_ms) + $1 * 1000)) output
  shift
  until output=$("$@" 2>&1); do
    if [ "$(now_ms)" -ge $end ]; then
      printf '%s\n' "$output"
      return 1
    fi
    sleep 0.1
  done
}
# Without it nothing else is worth a try.
must() {
  promise "$@"
  [ "$failed" = 0 ] && return
  "$engine" logs $name 2>&1 | tail -n 20
  exit 1
}
not() { ! "$@"; }
logged() { "$engine" logs $name 2>&1 | grep -F -- "$1"; }
inside() { "$engine" exec $name "$@"; }
# A command beside it, in memory of its own: by `exec` it would count in the 128 MB.
beside() { one_off --tmpfs /tmp --network container:$name -v $name:/app/data -e TMPDIR=/app/data "$image" "$@"; }
delivered() { beside lag --json | tr -d ' \n' | grep -Eq '"route":"to-files"[^}]*"lag":0.*"route":"to-table"[^}]*"lag":0'; }
health() { inside /app/bin/health.sh 8080 "$1"; }

write_routes() {
  cat >"$1" <<ROUTES
version: 1
own_numbers: ["+18005551234"]
sources: { voiceinfra: { secrets: ["\${VOICEINFRA_WEBHOOK_SECRET}"] } }
destinations:
  files: { connector: archive, url: "file:data/archive" }
  table: { connector: warehouse, url: "duckdb:data/warehouse.duckdb" }
  bucket: { connector: archive, url: "s3://calls", region: eu-central-1, endpoint: "http://127.0.0.1:1", access_key_id: id, secret_access_key: "\${S3_KEY}" }
  query: { connector: warehouse, url: "bigquery://acme-project/calls", base_url: "http://127.0.0.1:1" }
routes:
  - { id: to-files, to: files }
  - { id: to-table, to: table, enabled: ${3:-true} }
  - { id: to-bucket, to: bucket, enabled: false }
  - { id: to-query, to: query, enabled: false }
$2
ROUTES
}

# start <image> <command…>
start() {
  local of=$1
  shift
  "$engine" rm -f $name >/dev/null 2>&1
  "$engine" run -d --name $name "${run_options[@]}" --init --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
    --user "$uid:0" --memory 128m -v "$folder:/etc/patchbay:ro" -v $name:/app/data \
    -e PATCHBAY_ROUTES=/etc/patchbay/routes.yaml -e VOICEINFRA_WEBHOOK_SECRET=tried-in-a-container -e S3_KEY=Zx8vTq2Lr9Nw4Kd7Hs1Pf6Yb3Gm \
    -e TMPDIR=/app/data "$of" "$@" >/dev/null
}
one_off() {
  "$engine" run --rm --name $name-2 "${run_options[@]}" --read-only --cap-drop ALL --user "$uid:0" -v "$folder:/etc/patchbay:ro" \
    -e PATCHBAY_ROUTES=/etc/patchbay/routes.yaml -e VOICEINFRA_WEBHOOK_SECRET=tried-in-a-container -e S3_KEY=Zx8vTq2Lr9Nw4Kd7Hs1Pf6Yb3Gm "$@"
}

if [ -z "$image" ]; then
  image=$name
  started=$(now_ms)
  "$engine" build "${build_options[@]}" ${node_image:+--build-arg "NODE_IMAGE=$node_image"} -t "$image" . >"$folder/build.log" 2>&1 || {
    tail -n 30 "$folder/build.log"
    echo "FAIL  the image is built"
    exit 1
  }
  ok "the image is built, in $((($(now_ms) - started) / 1000)) s"
fi
bytes=$("$engine" image inspect "$image" --format '{{.Size}}')
if [ "$bytes" -le 340000000 ]; then ok "it has $((bytes / 1000000)) MB"; else broken "it has $((bytes / 1000000)) MB, more than 340"; fi

# A platform's choice; the group is 0 (OpenShift). A volume of a release before this one belongs to 1000.
uid=$((100000 + RANDOM))
[ -z "$from" ] || uid=1000
chmod 755 "$folder"
write_routes "$folder/routes.yaml" ""

echo "--- up, as user $uid, read-only, no capabilities, 128 MB"
started=$(now_ms)
start "${from:-$image}" up
if [ -n "$from" ]; then
  must "the release before ($from) is ready" until_ok 60 inside node -e 'fetch("http://127.0.0.1:8080/readyz").then((r)=>process.exit(r.ok?0:1),()=>process.exit(1))'
  promise "it takes five calls" inside node bin/patchbay.js send --count 5
  "$engine" stop -t 30 $name >/dev/null
  started=$(now_ms)
  start "$image" up
fi
must "it is ready" until_ok 60 health /readyz
ready=$(($(now_ms) - started))
ok "$ready ms after the start"
promise "patchbay is on the PATH, and check says fine" inside patchbay check
[ -z "$from" ] || promise "what the release before took is there after the upgrade, and whole" beside audit
promise "twenty calls are taken" beside send --count 20
promise "and delivered to the archive and the DuckDB file" until_ok 60 delivered
promise "audit finds no gap" until_ok 30 beside audit
promise "the program cannot be changed" not inside touch /app/bin/patchbay.js
promise "no file of the data is open to every user" inside bash -c '! find /app/data -type f -perm /007 | grep .'

echo "--- S3 and BigQuery: their SDKs load, and the destination is what does not answer"
for one in bucket query; do
  output=$(beside test $one 2>&1)
  if grep -Eqi 'ECONNREFUSED|fetch_failed' <<<"$output" && ! grep -Eqi 'sdk_missing|not installed' <<<"$output"; then ok "test $one: $(grep -E '✗|error' <<<"$output" | head -n 1)"; else broken "test $one: $output"; fi
done

echo "--- every connector against its own sandbox, in the image"
for one in hubspot salesforce slack teams discord webhook warehouse archive; do
  promise "certify $one --no-kill" one_off --tmpfs /tmp --network none "$image" certify $one --no-kill --only "late summary"
done

echo "--- an edit of routes.yaml"
# edit <how> <log line>
edited() {
  local since
  since=$(now_ms)
  if until_ok 15 logged "$2" >/dev/null; then
    local took=$(($(now_ms) - since))
    if [ $took -le 2000 ]; then ok "$1 is seen, after $took ms"; else broken "$1 is seen after $took ms, more than 2000"; fi
  else broken "$1 is not seen"; fi
}
write_routes "$folder/new" "  - { id: by-rename, to: files }"
mv "$folder/new" "$folder/routes.yaml"
edited "one by rename (sed -i, git pull, editors)" '"by-rename"]'
write_routes "$folder/other" "  - { id: in-place, to: files }"
cat "$folder/other" >"$folder/routes.yaml"
edited "one in place" '"in-place"]'

echo "--- the log is away, and comes back"
inside mv data/patchbay.db data/away.db
promise "/readyz says 503" until_ok 30 not health /readyz
promise "/healthz says 200: a restart would bring nothing back" health /healthz
inside mv data/away.db data/patchbay.db
promise "/readyz says 200 once the log is back" until_ok 30 health /readyz

echo "--- figures, of up with a file archive (DuckDB wants more memory than 128 MB under load)"
"$engine" stop -t 30 $name >/dev/null
write_routes "$folder/routes.yaml" "" false
started=$(now_ms)
start "$image" up
must "it is ready" until_ok 60 health /readyz
ok "$(($(now_ms) - started)) ms after the start"
beside send --count 3000 --rate 100 >"$folder/send.log" 2>&1 || broken "100 calls a second: $(tail -n 3 "$folder/send.log")"
ok "memory after 30 s of 100 calls a second (VmHWM of the process): $(inside bash -c 'grep -h VmHWM /proc/[0-9]*/status' 2>/dev/null | sort -k2 -n | tail -n 1 | tr -s '\t ' ' ')"
cpu=$(inside bash -c 'TIMEFORMAT="%U %S"; time (for i in {1..100}; do /app/bin/health.sh 8080 /readyz; done)' 2>&1 | tail -n 1)
ok "a health check takes $(awk '{ printf "%.1f ms of processor time, %.1f s an hour at one every ten seconds", ($1 + $2) * 10, ($1 + $2) * 3.6 }' <<<"$cpu")"

echo "--- stop and start again"
must "audit finds no gap" until_ok 60 beside audit
"$engine" kill --signal TERM $name >/dev/null
started=$(now_ms)
promise "after SIGTERM /readyz says 503" until_ok 4 not health /readyz
promise "while the port still answers" health /healthz
"$engine" wait $name >/dev/null
ok "it ends $(($(now_ms) - started)) ms after the signal"
promise "with exit code 0" test "$("$engine" inspect $name --format '{{.State.ExitCode}}')" = 0
start "$image" up
must "a new container on the same volume is ready" until_ok 60 health /readyz
promise "audit finds no gap" until_ok 30 beside audit

echo "--- backup and restore"
promise "a backup is made while it works" beside backup data/backup
"$engine" stop -t 30 $name >/dev/null
promise "it is restored onto an empty volume" one_off -v $name:/from:ro -v $name-restored:/app/data -e TMPDIR=/app/data "$image" restore /from/backup --yes
promise "and whole there" one_off -v $name-restored:/app/data "$image" audit

echo "--- a first start without variables"
"$engine" rm -f $name >/dev/null 2>&1
"$engine" run -d --name $name "${run_options[@]}" --read-only --cap-drop ALL --user "$uid:0" --memory 128m -v "$folder:/etc/patchbay:ro" -v $name:/app/data \
  -e PATCHBAY_ROUTES=/etc/patchbay/routes.yaml -e VOICEINFRA_WEBHOOK_SECRET=tried-in-a-container "$image" ingress --wait >/dev/null
promise "the ingress listens without a destination's variables" until_ok 60 health /readyz
"$engine" rm -f $name >/dev/null 2>&1
rm -f "$folder/routes.yaml"
"$engine" run -d --name $name "${run_options[@]}" --read-only --cap-drop ALL --user "$uid:0" --memory 128m -v "$folder:/etc/patchbay:ro" -v $name:/app/data \
  -e PATCHBAY_ROUTES=/etc/patchbay/routes.yaml "$image" connector archive --wait >/dev/null
promise "a connector without routes.yaml says so, and waits" until_ok 60 logged "there is no file /etc/patchbay/routes.yaml"
write_routes "$folder/routes.yaml" ""
promise "names what is missing next" until_ok 30 logged "the variable S3_KEY is not set"
promise "and runs still" test "$("$engine" inspect $name --format '{{.State.Running}}')" = true

[ "$failed" = 0 ] && echo "every promise is kept" || echo "some promises are broken"
exit $failed
