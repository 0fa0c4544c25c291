#!/bin/bash
# configure.sh NGINX-SOURCE OBJECTS: writes OBJECTS/ngx_auto_config.h for the nginx Debian built.
#
# nginx's configure writes beside itself, so it runs in a copy.  What NGX_CONF_FLAGS holds is Debian's doing.
set -euo pipefail
source_dir=$1 objects=$2

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$source_dir/auto" "$source_dir/configure" "$source_dir/src" "$work/"
source "$source_dir/conf_flags"
cd "$work"
if ! ./configure "${NGX_CONF_FLAGS[@]}" >configure.log 2>&1; then
  tail -n 20 configure.log >&2
  exit 1
fi
mkdir -p "$objects"
cp objs/ngx_auto_headers.h objs/ngx_auto_config.h "$objects/"
