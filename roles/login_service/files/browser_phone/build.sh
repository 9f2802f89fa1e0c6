#!/bin/sh
# Makes jssip.js of the packages in package-lock.json. usage: build.sh FOLDER, with both files in it
set -eu
cd "$1"
# The lock file has each package's checksum. No package runs a script of its own.
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
node_modules/.bin/esbuild node_modules/jssip/lib/JsSIP.js --bundle --minify --format=iife --global-name=JsSIP \
  --log-level=warning --outfile=bundle.js
# The licenses ask for their text in copies.
{
  echo '/*'
  for package in jssip debug events ms sdp-transform; do
    echo "$package"
    find node_modules/"$package" -maxdepth 1 -iname 'licen[cs]e*' -exec cat {} + | sed 's,\*/,* /,g'
  done
  echo '*/'
  cat bundle.js
} > jssip.js.new
rm -rf node_modules bundle.js
mv jssip.js.new jssip.js
