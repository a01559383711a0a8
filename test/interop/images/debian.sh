# A real root file system in several layers, the second of which replaces and removes files of the first. Made by
# debootstrap where that can run, else from files of this machine. Tagged `latest`; zstd.tar has other compression.
umoci init --layout layout
umoci new --image layout:latest
umoci unpack --image layout:latest bundle
rootfs=$PWD/bundle/rootfs

if command -v debootstrap >/dev/null && [ "$(id -u)" = 0 ]; then
  mirror=$({ cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null || true; } |
    grep -oE 'https?://[^ ]+/debian/?( |$)' | head -1 | tr -d ' ')
  debootstrap --variant=minbase bookworm "$rootfs" ${mirror:+"$mirror"} >debootstrap.log 2>&1 ||
    { tail -5 debootstrap.log >&2; exit 1; }
  rm -rf "$rootfs"/var/cache/apt/archives/*.deb "$rootfs"/var/lib/apt/lists/* "$rootfs"/var/log/*.log
else
  cp -a --parents /usr/bin /usr/share/doc /etc/debian_version "$rootfs"
fi
umoci repack --refresh-bundle --image layout:latest bundle

rm -rf "$rootfs/usr/share/doc"
mkdir "$rootfs/opt/interop"
echo 'written in the second layer' >"$rootfs/opt/interop/note"
ln "$rootfs/opt/interop/note" "$rootfs/opt/interop/hard-link"
ln -s note "$rootfs/opt/interop/symbolic-link"
echo 'ünïcode in a name' >"$rootfs/opt/interop/näme"
mkdir -p "$rootfs/opt/interop/$(printf 'd%.0s' {1..120})/$(printf 'e%.0s' {1..120})"
umoci repack --refresh-bundle --image layout:latest bundle

rm "$rootfs/opt/interop/note"
echo 'written in the third layer' >"$rootfs/opt/interop/note"
umoci repack --image layout:latest bundle
umoci config --image layout:latest --os linux --architecture amd64 --config.workingdir /opt/interop \
  --config.env LANG=C.UTF-8 --config.env COLOUR=green --config.cmd cat --config.cmd note --config.cmd hard-link
umoci gc --layout layout
rm -rf bundle
skopeo copy --quiet oci:layout:latest oci-archive:archive.tar:latest
skopeo2 copy --quiet --dest-compress-format zstd --dest-force-compress-format oci:layout:latest oci:zstd:latest
skopeo2 copy --quiet oci:zstd:latest oci-archive:zstd.tar:latest
