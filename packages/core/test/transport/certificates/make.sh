#!/bin/sh
# Makes the certificates of the TLS tests: an authority, and what it signed. They last for a hundred years.
set -eu
cd "$(dirname "$0")"
authority() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 -subj "/CN=$1" \
    -keyout "$1.key" -out "$1.pem" 2>/dev/null
}
signed() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr" 2>/dev/null
  printf 'subjectAltName=%s\n' "$2" >"$1.ext"
  openssl x509 -req -in "$1.csr" -CA authority.pem -CAkey authority.key -CAcreateserial -days 36500 -extfile "$1.ext" \
    -out "$1.pem" 2>/dev/null
  rm "$1.csr" "$1.ext"
}
authority authority
authority stranger
signed server 'DNS:localhost,IP:127.0.0.1'
signed renewed 'DNS:localhost,IP:127.0.0.1'
signed client 'DNS:client'
rm -f authority.key authority.srl
