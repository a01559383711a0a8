# An image of many gzip layers that do not compress, each the same size: `archive.tar` (OCI).
# Environment: LAYERS, LAYER_BYTES.
umoci init --layout layout
umoci new --image layout:latest
for layer in $(seq 1 "$LAYERS"); do
  mkdir tree
  openssl enc -aes-128-ctr -K "$(printf '%02x' "$layer")" -iv 00 -in /dev/zero 2>/dev/null |
    head -c "$LAYER_BYTES" >tree/bytes || true
  umoci insert --image layout:latest tree "/layers/$layer"
  rm -rf tree
done
umoci config --image layout:latest --os linux --architecture amd64
umoci gc --layout layout
skopeo copy --quiet oci:layout:latest oci-archive:archive.tar:latest
rm -rf layout
