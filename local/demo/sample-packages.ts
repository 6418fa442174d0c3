/** The sample guest's packages as `name version architecture`, and the source where its name is another. */
export const samplePackages = `
adduser 3.134 all
apt 2.6.2 amd64
base-files 12.4+deb12u15 amd64
base-passwd 3.6.1 amd64
bash 5.2.15-2+b13 amd64
bsdutils 1:2.38.1-5+deb12u3 amd64 util-linux
chrony 4.3-2+deb12u1 amd64
coreutils 9.1-1 amd64
cron 3.0pl1-162 amd64
curl 7.88.1-10+deb12u8 amd64
dash 0.5.12-2 amd64
debconf 1.5.82 all
debian-archive-keyring 2023.3+deb12u2 all
debianutils 5.7-0.5~deb12u1 amd64
diffutils 1:3.8-4 amd64
dpkg 1.21.23 amd64
e2fsprogs 1.47.0-2+b2 amd64
findutils 4.9.0-4 amd64
gcc-12-base 12.2.0-14+deb12u1 amd64 gcc-12
gpgv 2.2.40-1.1+deb12u2 amd64 gnupg2
grep 3.8-5 amd64
gzip 1.12-1 amd64
hostname 3.23+nmu1 amd64
ifupdown 0.8.41 amd64
init-system-helpers 1.65.2+deb12u1 all
iproute2 6.1.0-3 amd64
libacl1 2.3.1-3 amd64 acl
libapparmor1 3.0.8-3 amd64 apparmor
libapt-pkg6.0 2.6.2 amd64 apt
libargon2-1 0~20171227-0.3+deb12u1 amd64 argon2
libattr1 1:2.5.1-4 amd64 attr
libaudit-common 1:3.0.9-1 all audit
libaudit1 1:3.0.9-1 amd64 audit
libblkid1 2.38.1-5+deb12u3 amd64 util-linux
libbpf1 1:1.1.2-0+deb12u1 amd64 libbpf
libbz2-1.0 1.0.8-5+b1 amd64 bzip2
libc-bin 2.36-9+deb12u14 amd64 glibc
libc6 2.36-9+deb12u14 amd64 glibc
libcap-ng0 0.8.3-1+b3 amd64 libcap-ng
libcap2 1:2.66-4+deb12u3+b1 amd64
libcom-err2 1.47.0-2+b2 amd64 e2fsprogs
libcrypt1 1:4.4.33-2 amd64 libxcrypt
libcryptsetup12 2:2.6.1-4~deb12u2 amd64 cryptsetup
libcurl4 7.88.1-10+deb12u8 amd64 curl
libdb5.3 5.3.28+dfsg2-1 amd64 db5.3
libdebconfclient0 0.270 amd64 cdebconf
libdevmapper1.02.1 2:1.02.185-2 amd64 lvm2
libedit2 3.1-20221030-2 amd64 libedit
libelf1 0.188-2.1 amd64 elfutils
libext2fs2 1.47.0-2+b2 amd64 e2fsprogs
libfdisk1 2.38.1-5+deb12u3 amd64 util-linux
libffi8 3.4.4-1 amd64 libffi
libfido2-1 1.12.0-2+b1 amd64 libfido2
libgcc-s1 12.2.0-14+deb12u1 amd64 gcc-12
libgcrypt20 1.10.1-3+deb12u1 amd64
libgmp10 2:6.2.1+dfsg1-1.1 amd64 gmp
libgnutls30 3.7.9-2+deb12u7 amd64 gnutls28
libgpg-error0 1.46-1 amd64 libgpg-error
libgssapi-krb5-2 1.20.1-2+deb12u5 amd64 krb5
libhogweed6 3.8.1-2 amd64 nettle
libidn2-0 2.3.3-1+b1 amd64 libidn2
libip4tc2 1.8.9-2 amd64 iptables
libjson-c5 0.16-2 amd64 json-c
libk5crypto3 1.20.1-2+deb12u5 amd64 krb5
libkeyutils1 1.6.3-2 amd64 keyutils
libkmod2 30+20221128-1 amd64 kmod
libkrb5-3 1.20.1-2+deb12u5 amd64 krb5
libkrb5support0 1.20.1-2+deb12u5 amd64 krb5
liblz4-1 1.9.4-1 amd64 lz4
liblzma5 5.4.1-1+deb12u2 amd64 xz-utils
libmd0 1.0.4-2 amd64 libmd
libmnl0 1.0.4-3 amd64 libmnl
libmount1 2.38.1-5+deb12u3 amd64 util-linux
libnettle8 3.8.1-2 amd64 nettle
libp11-kit0 0.24.1-2 amd64 p11-kit
libpam-modules 1.5.2-6+deb12u2 amd64 pam
libpam-modules-bin 1.5.2-6+deb12u2 amd64 pam
libpam-runtime 1.5.2-6+deb12u2 all pam
libpam0g 1.5.2-6+deb12u2 amd64 pam
libpcre2-8-0 10.42-1+deb12u2 amd64 pcre2
libseccomp2 2.5.4-1+deb12u1 amd64 libseccomp
libselinux1 3.4-1+b6 amd64 libselinux
libsmartcols1 2.38.1-5+deb12u3 amd64 util-linux
libss2 1.47.0-2+b2 amd64 e2fsprogs
libssl3 3.0.22-1~deb12u2 amd64 openssl
libstdc++6 12.2.0-14+deb12u1 amd64 gcc-12
libsystemd-shared 252.39-1~deb12u2 amd64 systemd
libsystemd0 252.39-1~deb12u2 amd64 systemd
libtasn1-6 4.19.0-2+deb12u1 amd64
libtinfo6 6.4-4 amd64 ncurses
libudev1 252.39-1~deb12u2 amd64 systemd
libunistring2 1.0-2 amd64 libunistring
libuuid1 2.38.1-5+deb12u3 amd64 util-linux
libzstd1 1.5.4+dfsg2-5 amd64 libzstd
linux-image-6.1.0-27-amd64 6.1.115-1 amd64 linux-signed-amd64
linux-image-6.1.0-28-amd64 6.1.119-1 amd64 linux-signed-amd64
login 1:4.13+dfsg1-1+deb12u2 amd64 shadow
logsave 1.47.0-2+b2 amd64 e2fsprogs
mawk 1.3.4.20200120-3.1 amd64
mount 2.38.1-5+deb12u3 amd64 util-linux
ncurses-base 6.4-4 all ncurses
ncurses-bin 6.4-4 amd64 ncurses
nginx 1.22.1-9 amd64
nginx-common 1.22.1-9 all nginx
openssh-client 1:9.2p1-2+deb12u10 amd64 openssh
openssh-server 1:9.2p1-2+deb12u10 amd64 openssh
openssh-sftp-server 1:9.2p1-2+deb12u10 amd64 openssh
passwd 1:4.13+dfsg1-1+deb12u2 amd64 shadow
perl-base 5.36.0-7+deb12u4 amd64 perl
procps 2:4.0.2-3 amd64
rsyslog 8.2302.0-1 amd64
sed 4.9-1+deb12u1 amd64
sudo 1.9.13p3-1+deb12u1 amd64
systemd 252.39-1~deb12u2 amd64
systemd-sysv 252.39-1~deb12u2 amd64 systemd
sysvinit-utils 3.06-4 amd64 sysvinit
tar 1.34+dfsg-1.2+deb12u1 amd64
tzdata 2026f-0+deb12u1 all
ucf 3.0043+nmu1+deb12u1 all
unattended-upgrades 2.9.1+nmu3 all
util-linux 2.38.1-5+deb12u3 amd64
zlib1g 1:1.2.13.dfsg-1 amd64 zlib
`
  .trim()
  .split('\n')
  .map((line) => {
    const [name = '', version = '', arch = '', source = name] = line.split(' ');
    return { name, version, arch, source };
  });
