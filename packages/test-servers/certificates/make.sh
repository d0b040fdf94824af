#!/bin/sh
# Makes the certificates of the test servers: an authority, and what it signed. They last for a hundred years. No extended
# key usage is set, since etcd shows its server certificate as a client's, too.
set -eu
cd "$(dirname "$0")"
signed() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr" 2>/dev/null
  printf 'subjectAltName=%s\n' "$2" >"$1.ext"
  openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 36500 -extfile "$1.ext" -out "$1.pem" 2>/dev/null
  rm "$1.csr" "$1.ext"
}
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 -subj '/CN=micro test servers' \
  -keyout ca.key -out ca.pem 2>/dev/null
signed server 'DNS:localhost,IP:127.0.0.1,IP:::1'
signed client 'DNS:client'
rm -f ca.key ca.srl
