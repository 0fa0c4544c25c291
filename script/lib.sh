# Shared by the scripts: saying what happens, and finding the project's root.  Sourced, not run.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
die() { printf 'ringwall: error: %s\n' "$1" >&2; [ $# -lt 2 ] || printf 'ringwall: hint: %s\n' "$2" >&2; exit 1; }

# Runs a command as root: directly, or through sudo.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "installing packages needs root" "run as root, or install sudo"; fi
}
