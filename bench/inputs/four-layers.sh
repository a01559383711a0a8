# A real image of four gzip layers, about 800 MB: a Debian root file system (made by debootstrap where that can run, else
# of programs of this machine) and three trees of files of the machine. Its forms: `layout` (tagged `latest` and
# `changed`), `archive.tar` (OCI), `changed.tar` (OCI, with one more layer), `docker.tar` (plain layers, about 2.4 GB).
# Environment: PART_BYTES (files a layer), ROOT (debian or machine), CHANGED_BYTES (the further layer).
umoci init --layout layout
umoci new --image layout:latest

mkdir root
if [ "$ROOT" = debian ] && command -v debootstrap >/dev/null && [ "$(id -u)" = 0 ]; then
  mirror=$({ cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null || true; } |
    { grep -oE 'https?://[^ ]+/debian/?( |$)' || true; } | head -1 | tr -d ' ')
  debootstrap --variant=minbase bookworm root ${mirror:+"$mirror"} >debootstrap.log 2>&1 ||
    { tail -5 debootstrap.log >&2; exit 1; }
else
  mkdir root/bin
  cp -L "$(command -v bash)" "$(command -v tar)" root/bin
fi
umoci insert --image layout:latest root /
rm -rf root

# Each file goes into the layer that is being filled, in the order of names: the same machine gives the same layers. One
# that would be too much of a layer is left out.
find /usr/bin /usr/lib /usr/share -xdev -type f -readable -size +0 -printf '%s\t%p\n' |
  LC_ALL=C sort -t "$(printf '\t')" -k 2 |
  awk -F '\t' -v part="$PART_BYTES" '
    $1 > part / 2 { next }
    { taken += $1; layer = int(taken / part) }
    layer < 3 { print substr($2, 2) >("list-" layer) }'
for layer in 0 1 2; do
  mkdir tree
  tar --hard-dereference -C / -cf - -T "list-$layer" | tar -C tree -xf -
  umoci insert --image layout:latest tree "/trees/$layer"
  rm -rf tree
done
umoci config --image layout:latest --os linux --architecture amd64 --config.cmd /bin/bash
umoci gc --layout layout

# Bytes that do not compress, the same everywhere.
mkdir further
openssl enc -aes-128-ctr -K 00 -iv 00 -in /dev/zero 2>/dev/null | head -c "$CHANGED_BYTES" >further/bytes || true
umoci tag --image layout:latest changed
umoci insert --image layout:changed further /further
umoci gc --layout layout
rm -rf further

skopeo copy --quiet oci:layout:latest oci-archive:archive.tar:latest
skopeo copy --quiet oci:layout:changed oci-archive:changed.tar:latest
skopeo copy --quiet oci:layout:latest docker-archive:docker.tar:bench.example/four-layers:latest
rm -f list-* debootstrap.log
