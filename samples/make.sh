#!/usr/bin/env bash
# Makes hello.tar with umoci and skopeo from the text files in hello/. Nothing reads the result by its digest, so a
# later version of these tools may well produce other bytes.
set -euo pipefail
cd "$(dirname "$0")"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
epoch=2026-01-01T00:00:00Z
cp -r hello "$work/hello"
find "$work/hello" -exec touch --no-dereference --date="$epoch" {} +
chmod -R u=rwX,go=rX "$work/hello"

image="$work/layout:latest"
umoci init --layout "$work/layout"
umoci new --image "$image"
umoci insert --rootless --image "$image" --history.created "$epoch" "$work/hello/base/etc" /etc
umoci insert --rootless --image "$image" --history.created "$epoch" "$work/hello/notes" /usr/share/doc/hello
umoci config --image "$image" --created "$epoch" --history.created "$epoch" \
  --os linux --architecture amd64 \
  --config.env LANG=C.UTF-8 \
  --config.label org.opencontainers.image.title=hello
umoci gc --layout "$work/layout"

rm -f hello.tar
skopeo copy --quiet "oci:$image" oci-archive:hello.tar:latest
ls -l hello.tar
tar -tvf hello.tar
