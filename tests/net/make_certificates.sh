#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the certificates that tests use, so that nothing that expires is checked in. Does nothing when those in the folder are
# of today; may run several times at once.
#
# usage: make_certificates.sh FOLDER
#
#   ca.pem other_ca.pem        authorities; the second has signed nothing
#   good.pem good.key          localhost, *.wild.test, 127.0.0.1, ::1; ECDSA P-256
#   rsa.pem rsa.key            the same with RSA 2048
#   chain.pem chain.key        localhost, by an intermediate authority, which is in the file; leaf.pem without it
#   intermediate.pem           that authority
#   other.pem other.key        other.test
#   common.pem common.key      "localhost" in the common name only
#   expired.pem early.pem      localhost, until yesterday; from tomorrow (with good.key)
#   self.pem self.key          localhost, signed by itself
#   client.pem client.key      "client", for clients only
#   late.pem                   the same, until yesterday
#   foreign.pem foreign.key    a client's, by an authority nobody trusts
#   alpha.pem alpha.key        nodes as `mk cert` makes them: CN=alpha, OU=member
#   beta.pem king.pem          CN=beta, OU=operator; CN=alpha, OU=king (both with alpha.key)
#   spy.pem spy.key            CN=alpha, OU=operator, by an authority nobody trusts
set -eu

[ $# -eq 1 ] || { sed -n '3,25s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
mkdir -p "$1"
cd "$1"
exec 9>lock
flock 9
if [ -n "$(find done -mmin -720 -newer "$here" 2>/dev/null)" ]; then exit 0; fi
rm -f done -- *.pem *.key *.cnf *.csr index* serial*
exec 2>log

cat >ca.cnf <<'END'
[req]
distinguished_name = name
[name]
[ca]
default_ca = here
[here]
database = index
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
unique_subject = no
[any]
organizationName = optional
commonName = supplied
organizationalUnitName = optional
[v3_ca]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = CA:false
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost,DNS:*.wild.test,IP:127.0.0.1,IP:::1
[other]
basicConstraints = CA:false
subjectAltName = DNS:other.test,IP:192.0.2.1
[common]
basicConstraints = CA:false
[client]
basicConstraints = CA:false
extendedKeyUsage = clientAuth
[node]
basicConstraints = CA:false
extendedKeyUsage = serverAuth,clientAuth
END
: >index
echo 1000 >serial

at() { date -u -d "$1" +%Y%m%d%H%M%SZ; }
ec_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"; }
# root NAME SUBJECT
root() {
    ec_key "$1"
    openssl req -x509 -config ca.cnf -extensions v3_ca -key "$1.key" -subj "$2" -days 30 -out "$1.pem"
}
# signed NAME KEY SUBJECT EXTENSIONS AUTHORITY [FROM UNTIL]
signed() {
    openssl req -new -config ca.cnf -key "$2.key" -subj "$3" -out "$1.csr"
    openssl ca -batch -notext -config ca.cnf -extensions "$4" -cert "$5.pem" -keyfile "$5.key" -in "$1.csr" \
        -startdate "$(at "${6:-1 hour ago}")" -enddate "$(at "${7:-30 days}")" -out "$1.pem"
}

root ca "/O=microkernel tests/CN=authority"
root other_ca "/CN=another authority"
root foreign_ca "/CN=foreign authority"
for name in good chain other common self client foreign intermediate alpha spy; do ec_key $name; done
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.key
signed good good /CN=good server ca
signed rsa rsa /CN=rsa server ca
signed other other /CN=other.test other ca
signed common common /CN=localhost common ca
signed expired good /CN=expired server ca "3 days ago" "1 day ago"
signed early good /CN=early server ca "1 day" "3 days"
signed client client "/O=microkernel tests/CN=client" client ca
signed late client /CN=late client ca "3 days ago" "1 day ago"
signed foreign foreign /CN=foreign client foreign_ca
signed alpha alpha /CN=alpha/OU=member node ca
signed beta alpha /CN=beta/OU=operator node ca
signed king alpha /CN=alpha/OU=king node ca
signed spy spy /CN=alpha/OU=operator node foreign_ca
signed intermediate intermediate "/CN=intermediate authority" v3_ca ca
signed leaf chain /CN=chain server intermediate
cat leaf.pem intermediate.pem >chain.pem
openssl req -x509 -config ca.cnf -extensions server -key self.key -subj /CN=self -days 30 -out self.pem
touch done
