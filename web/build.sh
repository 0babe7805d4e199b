#!/usr/bin/env bash
# Builds the page into web/dist/, which any static host can serve from any path. Needs rustup, node and npm.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
tools=${HINDSIGHT_TOOLS:-$root/target/web-tools}
target=$(cargo metadata --format-version 1 --no-deps | node -p 'JSON.parse(require("fs").readFileSync(0)).target_directory')
dist=$root/web/dist

step() { printf '\n== %s\n' "$*"; }

step "Tools"
rustup target add wasm32-unknown-unknown
# The tool must be of the very version of the library.
version=$(awk '$0 == "name = \"wasm-bindgen\"" { getline; gsub(/[^0-9.]/, ""); print; exit }' Cargo.lock)
if [ "$("$tools/bin/wasm-bindgen" --version 2>/dev/null)" != "wasm-bindgen $version" ]; then
  cargo install wasm-bindgen-cli --version "$version" --root "$tools" --target-dir "$tools/build"
  rm -rf "$tools/build"
fi
# Not Debian's binaryen, whose version 108 breaks modules without a word.
npm ci --prefix web --no-audit --no-fund

step "Compile"
cargo rustc --lib --crate-type cdylib --profile web --target wasm32-unknown-unknown --no-default-features --features gui

step "Bind and shrink"
rm -rf "$dist"
mkdir -p "$dist"
"$tools/bin/wasm-bindgen" --target web --no-typescript --out-dir "$dist" --out-name hindsight \
  "$target/wasm32-unknown-unknown/web/hindsight.wasm"
# What rustc uses; all browsers since 2021 have it.
features=(--enable-bulk-memory --enable-multivalue --enable-mutable-globals --enable-nontrapping-float-to-int
  --enable-reference-types --enable-sign-ext)
node web/node_modules/binaryen/bin/wasm-opt "${features[@]}" -O2 "$dist/hindsight_bg.wasm" -o "$dist/hindsight_bg.wasm"

step "Page"
cp web/page/* "$dist"
size=$(wc -c <"$dist/hindsight_bg.wasm")
sed -i.bak "s/data-size=\"0\"/data-size=\"$size\"/" "$dist/index.html"
# The service worker is another one whenever anything is, and then fetches everything anew.
build=$(cd "$dist" && cat index.html start.js style.css hindsight.js hindsight_bg.wasm | node -p \
  'require("crypto").createHash("sha256").update(require("fs").readFileSync(0)).digest("hex").slice(0, 16)')
sed -i.bak "s/BUILD/$build/" "$dist/sw.js"
rm -f "$dist"/*.bak

node -e '
const { readFileSync, readdirSync } = require("fs");
const { brotliCompressSync, gzipSync } = require("zlib");
const [dist] = process.argv.slice(1);
let total = 0;
for (const name of readdirSync(dist)) {
  const bytes = readFileSync(`${dist}/${name}`);
  const brotli = brotliCompressSync(bytes).length;
  total += brotli;
  console.log(`${name}: ${bytes.length} bytes, gzip ${gzipSync(bytes).length}, brotli ${brotli}`);
}
console.log(`all of it: ${total} bytes with brotli`);
if (total > 2_000_000) throw new Error("more than 2 MB");
' "$dist"
