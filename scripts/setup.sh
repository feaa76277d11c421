# Sourced by scripts/run and scripts/test: installs what is missing, configures and builds.
# Nothing here is specific to one machine; Debian 12 is what it knows how to prepare.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)

BUILD_PACKAGES="autoconf automake gcc make pkgconf libc6-dev libcrypt-dev libssl-dev libc-ares-dev
  libsqlite3-dev libjansson-dev libseccomp-dev libcap-dev libidn-dev libpam0g-dev libpq-dev"
TEST_PACKAGES="bash binutils check clang-format faketime fish git groff-base gsasl haproxy iproute2 irssi
  libevent-dev libglib2.0-dev logrotate man-db openssh-client openssh-server openssl postgresql
  python3 python3-irc python3-openssl python3-slixmpp python3-twisted sqlite3 systemd util-linux valgrind weechat-headless zsh"

say() {
	printf '%s\n' "$*" >&2
}

missing_packages() {
	for package in "$@"; do
		dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null |
			grep -qx installed || echo "$package"
	done
}

# install_packages NAME...: what is missing, with apt as root or through sudo; else say what to do.
install_packages() {
	if ! command -v dpkg-query >/dev/null 2>&1; then
		[ -f "$top/build/Makefile" ] || say "sennit: this is not a Debian system;" \
			"make sure that what these packages hold is there: $*"
		return 0
	fi
	missing=$(missing_packages "$@" | tr '\n' ' ')
	[ -n "${missing% }" ] || return 0
	as_root=
	if [ "$(id -u)" != 0 ]; then
		if command -v sudo >/dev/null 2>&1 && sudo -v; then
			as_root=sudo
		else
			say "sennit: packages are missing and this user may not install them. Have root run this, then try again:"
			say "  apt-get install ${missing% }"
			exit 77
		fi
	fi
	say "sennit: installing $missing"
	log=$(mktemp)
	if ! { $as_root apt-get update -qq && $as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq --no-install-recommends $missing; } >"$log" 2>&1 </dev/null; then
		tail -n 20 "$log" >&2
		rm -f "$log"
		say "sennit: apt-get could not install: $missing"
		exit 69
	fi
	rm -f "$log"
}

cores() {
	getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2
}

# configure_build DIR OPTION...: once; again only when configure or the options changed.
configure_build() {
	dir=$1
	shift
	mkdir -p "$dir"
	if [ ! -x "$top/configure" ] || [ "$top/configure.ac" -nt "$top/configure" ]; then
		say "sennit: preparing the build system"
		(cd "$top" && autoreconf -fi) >"$dir/autoreconf.log" 2>&1 || {
			cat "$dir/autoreconf.log" >&2
			exit 70
		}
	fi
	if [ ! -f "$dir/Makefile" ] || [ "$top/configure" -nt "$dir/config.status" ] ||
		[ "$(cat "$dir/.options" 2>/dev/null)" != "$*" ]; then
		say "sennit: configuring $dir"
		(cd "$dir" && "$top/configure" "$@") >"$dir/configure.log" 2>&1 || {
			tail -n 30 "$dir/configure.log" >&2
			exit 70
		}
		printf '%s' "$*" >"$dir/.options"
	fi
}

# build DIR TARGET...: quiet unless it fails.
build() {
	dir=$1
	shift
	make -C "$dir" -j"$(cores)" "$@" >"$dir/make.log" 2>&1 </dev/null || {
		grep -nE 'error|warning|\*\*\*' "$dir/make.log" | head -n 40 >&2
		say "sennit: the build failed; the whole log: $dir/make.log"
		exit 70
	}
}
