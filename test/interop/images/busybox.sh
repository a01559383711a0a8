# A runnable image: a static busybox that prints what it is given. Tagged `latest`; `other` differs in its command.
umoci init --layout layout
umoci new --image layout:latest
umoci unpack --rootless --image layout:latest bundle
mkdir bundle/rootfs/bin
cp "$(command -v busybox)" bundle/rootfs/bin/busybox
for applet in sh echo cat ls; do ln -s busybox "bundle/rootfs/bin/$applet"; done
umoci repack --image layout:latest bundle
umoci config --image layout:latest --os linux --architecture amd64 \
  --config.entrypoint /bin/echo --config.cmd 'carried by stowage' --config.env COLOUR=green
umoci config --image layout:latest --tag other --config.cmd 'the other image'
umoci gc --layout layout
rm -rf bundle
skopeo copy --quiet oci:layout:latest oci-archive:archive.tar:latest
skopeo copy --quiet oci:layout:other oci-archive:other.tar:latest
