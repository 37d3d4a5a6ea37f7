#!/usr/bin/env bash
# Runs the tests group by group, goes on after a failure, and exits 1 if any group failed.
# One group: ./test.sh search
set -uo pipefail
cd "$(dirname "$0")"

groups=(core search storage api integration)

paths_of() {
  case "$1" in
    core) echo src/live src/platform src/model src/protocol ;;
    search) echo src/search src/engine/search src/engine/unit-search ;;
    storage) echo src/store src/transcript ;;
    api) echo src/api src/server src/client test/contract ;;
    integration) echo test/e2e test/sim ;;
    *) return 1 ;;
  esac
}

[ $# -gt 0 ] && groups=("$@")
for group in "${groups[@]}"; do
  paths_of "$group" > /dev/null || { echo "There is no group $group; there are core, search, storage, api, integration." >&2; exit 2; }
done

npm run -s build || exit 1
failed=()
for group in "${groups[@]}"; do
  read -ra paths <<< "$(paths_of "$group")"
  if npm exec --no -- vitest run "${paths[@]}"; then
    echo "ok      $group"
  else
    echo "FAILED  $group"
    failed+=("$group")
  fi
done

echo
if [ ${#failed[@]} -gt 0 ]; then
  echo "${#failed[@]} of ${#groups[@]} groups failed: ${failed[*]}"
  exit 1
fi
echo "All ${#groups[@]} groups passed."
