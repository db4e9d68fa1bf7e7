#!/usr/bin/env bash
# Install the system packages that are missing: system_packages.sh [test|test-long]
# Debian 12+ and Ubuntu 24.04+ carry PostgreSQL 15 or newer with PostGIS.
set -euo pipefail

wanted=()
# the folders of programs of PostgreSQL 15 or newer: Debian's, and the one that is on the path
server_folders() {
  ls -d /usr/lib/postgresql/1[5-9]/bin /usr/lib/postgresql/[2-9][0-9]/bin 2>/dev/null || true
  if command -v initdb >/dev/null; then dirname "$(readlink -f "$(command -v initdb)")"; fi
}
have_server() { [ -n "$(server_folders)" ]; }
# a server may stand without PostGIS, as where somebody else put it there for another purpose
have_postgis() {
  local folder
  for folder in $(server_folders); do
    if [ -x "$folder/initdb" ] && [ -e "$("$folder/pg_config" --sharedir 2>/dev/null)/extension/postgis.control" ]; then
      return 0
    fi
  done
  return 1
}

have_postgis || wanted+=(postgresql postgresql-postgis)
ldconfig -p 2>/dev/null | grep -q libpangoft2-1.0 || wanted+=(libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0)
command -v fc-list >/dev/null || wanted+=(fontconfig)
[ -n "$(fc-list :lang=zh family 2>/dev/null)" ] || wanted+=(fonts-noto-cjk)
# scanned materials of cases are read by optical recognition
tesseract --list-langs 2>/dev/null | grep -qx chi_sim || wanted+=(tesseract-ocr tesseract-ocr-chi-sim)
"${PYTHON:-python3}" -c 'import ensurepip' 2>/dev/null || wanted+=("$(basename "${PYTHON:-python3}")-venv")
if [ "${1:-}" = test-long ]; then
  /usr/bin/python3 -c 'import qgis.core' 2>/dev/null || wanted+=(python3-qgis qgis-providers)
fi
if [[ "${1:-}" == test* ]]; then
  command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null ||
    wanted+=(chromium)
  # nginx in front of a node and its load generator are part of the tests and benchmarks
  command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || wanted+=(nginx-light)
  command -v wrk >/dev/null || wanted+=(wrk)
  # programs of other houses that read what a node serves and seals
  command -v ogrinfo >/dev/null || wanted+=(gdal-bin)
  command -v pdfsig >/dev/null || wanted+=(poppler-utils)
fi
[ ${#wanted[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "缺少系统组件，请用本系统的包管理器安装 / please install with this system's package manager: ${wanted[*]}" >&2
  exit 5
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "缺少系统组件，且没有 root 权限也没有 sudo。请让管理员执行 / packages are missing, and there is neither root nor sudo." >&2
    echo "  apt-get install ${wanted[*]}" >&2
    exit 5
  fi
  as_root=(sudo)
fi
echo "安装系统组件 / installing system packages: ${wanted[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 "$@"; }
apt update
if [[ " ${wanted[*]} " == *" postgresql "* ]] && [ ! -d /etc/postgresql ]; then
  # the packages would make and start a cluster of their own, which nobody here uses
  apt install --no-install-recommends postgresql-common >/dev/null
  "${as_root[@]}" sed -i 's/^#\?create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
fi
apt install --no-install-recommends "${wanted[@]}" >/dev/null
if ! have_server; then
  echo "本系统的 PostgreSQL 低于 15。请使用 Debian 12+ / Ubuntu 24.04+，或设置 DATABASE_URL。" >&2
  echo "This system's PostgreSQL is older than 15. Use Debian 12+ or Ubuntu 24.04+, or set DATABASE_URL." >&2
  exit 5
fi
