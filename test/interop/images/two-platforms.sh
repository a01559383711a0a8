# An index of two images that share no layer; only the amd64 one can be run. Tagged `latest`.
umoci init --layout layout
for architecture in amd64 arm64; do
  umoci new --image "layout:$architecture"
  mkdir -p "files/$architecture/bin"
  cp "$(command -v busybox)" "files/$architecture/bin/busybox"
  echo "$architecture" >"files/$architecture/bin/for"
  umoci insert --rootless --image "layout:$architecture" "files/$architecture/bin" /bin
  umoci config --image "layout:$architecture" --os linux --architecture "$architecture" \
    --config.entrypoint /bin/busybox --config.cmd cat --config.cmd /bin/for
done
rm -rf files
umoci gc --layout layout
oras manifest index create --oci-layout layout:latest amd64 arm64
skopeo copy --quiet --all oci:layout:latest oci-archive:archive.tar:latest
