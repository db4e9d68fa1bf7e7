"""nginx in front of a node: static files, public tiles it has seen a moment ago, slow clients; everything else is ours.

``kunyu up`` starts it where the setting says so, with a configuration written anew at each start. nginx decides nothing:
who asks and what is granted is the web workers' business at every request that carries a cookie or a token. What nginx
answers by itself is the web build and tiles of public, unlabelled data asked for by nobody in particular, for the
seconds that the node allows (``KUNYU_MAPS_FRONT_SECONDS``). docs/reference/serving.md.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import psutil

from kunyu.kernel.errors import UsageError
from kunyu.project.runtime.node_settings import LOOPBACK, NodeSettings

PLACES = "/usr/sbin:/usr/local/sbin:/opt/nginx/sbin"
MOST_URL_KIB = 64
WHERE_PRESENT, FORCED, OFF = "auto", "on", "off"


def find_nginx() -> Path | None:
    """The nginx of this machine."""
    found = shutil.which("nginx") or shutil.which("nginx", path=PLACES)
    return Path(found) if found else None


def wanted_nginx(settings: NodeSettings) -> Path | None:
    """The nginx to start by ``KUNYU_NGINX``: ``off``, ``auto`` (where there is one), ``on`` (must be there), or a path.

    Raises
    ------
    UsageError
        It must be there and is not.
    """
    if settings.nginx == OFF:
        return None
    if settings.nginx in (WHERE_PRESENT, FORCED):
        found = find_nginx()
    else:
        found = Path(settings.nginx) if os.access(settings.nginx, os.X_OK) else None
    if found is None and settings.nginx != WHERE_PRESENT:
        raise UsageError(
            f"KUNYU_NGINX={settings.nginx}，但本机没有可用的 nginx。请安装 nginx，或改为 off。",
            f"KUNYU_NGINX={settings.nginx}, but there is no such nginx on this machine. Install it, or say off.",
        )
    return found


def folder_of(home: Path) -> Path:
    """Where configuration, pid and temporary files of this node's nginx are."""
    return home / "run" / "nginx"


def write_configuration(settings: NodeSettings, web_port: int, events_port: int, static: Path) -> Path:
    """Write ``nginx.conf`` and the pages it answers with by itself; the path of the configuration."""
    folder = folder_of(settings.home)
    for part in (folder / "temporary", folder / "pages", settings.home / "cache" / "front", settings.log_folder):
        part.mkdir(parents=True, exist_ok=True, mode=0o700)
    for status, (zh, en) in _PAGES.items():
        page = {"type": f"urn:kunyu:error:front-{status}", "title": f"{zh} {en}", "status": status, "code": f"front-{status}", "detail": f"{zh} {en}",
                "detail_zh": zh, "detail_en": en}  # fmt: skip
        (folder / "pages" / f"{status}.json").write_text(json.dumps(page, ensure_ascii=False), encoding="utf-8")
    (folder / "public").mkdir(exist_ok=True, mode=0o700)
    link = folder / "public" / "static"
    link.unlink(missing_ok=True)
    if static.is_dir():
        link.symlink_to(static)
    path = folder / "nginx.conf"
    path.write_text(_configuration(settings, web_port, events_port), encoding="utf-8")
    path.chmod(0o600)
    return path


def command(program: Path, home: Path) -> list[str]:
    """How nginx is started as a child: in the foreground, with our configuration only."""
    folder = folder_of(home)
    return [str(program), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(home / "log" / "nginx.log"),
            "-g", "daemon off;"]  # fmt: skip


def stop_left(home: Path) -> int:
    """End an nginx of this node that a killed supervisor left; nginx keeps no environment to know it by. How many?"""
    found = [process for process in psutil.process_iter(["name"]) if _is_ours(process, home)]
    for process in found:
        try:
            process.kill()
        except psutil.Error:
            continue
    psutil.wait_procs(found, timeout=5)
    return len(found)


def runs(home: Path) -> bool:
    """Does this node's nginx run now?"""
    return any(_is_ours(process, home) for process in psutil.process_iter(["name"]))


def _is_ours(process: psutil.Process, home: Path) -> bool:
    try:
        if process.info["name"] != "nginx" or process.status() == psutil.STATUS_ZOMBIE:
            return False
        configuration, log = str(folder_of(home) / "nginx.conf"), str(home / "log" / "nginx.log")
        return any(configuration in part for part in process.cmdline()) or any(
            one.path == log for one in process.open_files()
        )
    except (psutil.Error, OSError):
        return False


_PAGES = {
    400: ("请求无法读懂，请检查地址和请求头。", "The request cannot be read; check its address and headers."),
    408: ("请求到达得太慢。", "The request came too slowly."),
    414: (f"地址超过 {MOST_URL_KIB} KiB；请缩短查询，或改用 POST。",
          f"The address is longer than {MOST_URL_KIB} KiB; shorten the query, or use POST."),
    431: (f"请求头超过 {MOST_URL_KIB} KiB。", f"The request's headers are longer than {MOST_URL_KIB} KiB."),
    502: ("节点的服务进程正在重新启动，请稍后再试。", "The node's web workers are starting; try again shortly."),
    504: ("节点没有及时应答，请稍后再试。", "The node did not answer in time; try again later."),
}  # fmt: skip

_TYPES = """
    types {
      text/css css; text/javascript js mjs; application/json json map; image/svg+xml svg; image/png png;
      image/jpeg jpg jpeg; image/webp webp; image/x-icon ico; font/woff2 woff2; font/woff woff; font/ttf ttf;
      text/html html; text/plain txt; application/wasm wasm; application/x-protobuf pbf;
    }
    default_type application/octet-stream;"""


def _own_headers() -> str:
    """Headers of what nginx answers by itself: the same that the node puts on every answer."""
    from kunyu.engines.security.headers import POLICY, YEAR

    values = {
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=(self)",
        "X-Frame-Options": "DENY",
    }
    if os.environ.get("KUNYU_PRODUCTION") == "1":
        values["Strict-Transport-Security"] = f"max-age={YEAR}"
    return "\n".join(f'        add_header {name} "{value}" always;' for name, value in values.items())


def _configuration(settings: NodeSettings, web_port: int, events_port: int) -> str:
    folder, home = folder_of(settings.home), settings.home
    bind = f"[{settings.bind}]" if ":" in settings.bind else settings.bind
    # behind another proxy that is trusted, what it says of the client is passed on; else only what is seen here
    behind = bool(settings.trusted_proxies)
    forwarded = "$proxy_add_x_forwarded_for" if behind else "$remote_addr"
    scheme = "$kunyu_scheme" if behind else "$scheme"
    headers = _own_headers()
    errors = "\n".join(f"      error_page {status} /_front/{status}.json;" for status in _PAGES)
    temporary = "\n".join(
        f"    {name}_temp_path {_quoted(folder / 'temporary' / name)};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""# written by kunyu up; changes are lost at the next start
{"user root;" if os.geteuid() == 0 else ""}
worker_processes {settings.web_workers};
pid {_quoted(folder / "nginx.pid")};
error_log {_quoted(settings.log_folder / "nginx.log")} warn;
events {{ worker_connections 2048; }}
http {{{_TYPES}
    server_tokens off;
    access_log off;
    sendfile on;
    # no tcp_nopush: the last part of a kept tile then waits 40 ms for the client's acknowledgement
    gzip off;
    keepalive_requests 100000;
{temporary}
    client_header_timeout 15s;
    client_body_timeout 60s;
    send_timeout 60s;
    client_max_body_size 0;  # each address has its own limit, in the node
    client_header_buffer_size 4k;
    large_client_header_buffers 4 {MOST_URL_KIB}k;
    map $http_x_forwarded_proto $kunyu_scheme {{ default $scheme; https https; }}
    # whoever says who he is gets his own answer, from the node
    map "$http_authorization$http_cookie" $kunyu_kept {{ "" tiles; default off; }}
    upstream web {{ server {LOOPBACK}:{web_port}; keepalive 32; }}
    upstream events {{ server {LOOPBACK}:{events_port}; }}
    proxy_cache_path {_quoted(home / "cache" / "front")} levels=1:2 keys_zone=tiles:16m max_size=512m inactive=10m
      use_temp_path=off;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For {forwarded};
    proxy_set_header X-Forwarded-Proto {scheme};
    proxy_connect_timeout 5s;
    proxy_read_timeout 600s;
    proxy_request_buffering off;  # the node refuses what is too large before it is here whole
    proxy_buffers 32 64k;
    proxy_buffer_size 64k;
    proxy_busy_buffers_size 128k;
    server {{
      listen {bind}:{settings.port} reuseport;
{errors}
      error_page 494 =431 /_front/431.json;  # nginx's own number for headers that are too large
      location /_front/ {{
        internal;
        alias {_quoted(str(folder / "pages") + "/")};
        types {{ application/problem+json json; }}
{headers} }}
      root {_quoted(folder / "public")};
      location /static/ {{
        try_files $uri @web;
{headers} }}
      location ~ "^/static/web/[^/]+-[0-9A-Za-z_-]{{8}}\\.(js|css)$" {{
        try_files $uri @web;
        add_header Cache-Control "max-age=315360000, public, immutable";
{headers} }}
      location ~ ^/ogc/collections/[^/]+/tiles/ {{
        proxy_cache $kunyu_kept;
        proxy_cache_key "$scheme://$http_host$request_uri";
        proxy_ignore_headers Cache-Control Expires Vary;  # X-Accel-Expires alone says; a tile has one form
        proxy_cache_revalidate on;
        # no proxy_cache_lock: whoever waits behind one looks again only after half a second, longer than a tile takes
        proxy_pass http://web; }}
      location = /events {{
        proxy_buffering off; proxy_cache off; proxy_read_timeout 3600s;
        proxy_pass http://events; }}
      location / {{ proxy_pass http://web; }}
      location @web {{ proxy_pass http://web; }}
    }}
}}
"""


def _quoted(path: Path | str) -> str:
    """A path as a value of nginx's language, which ends words at spaces and knows variables."""
    text = str(path)
    if any(sign in text for sign in '"$;{}\\\n'):
        raise UsageError(
            f"路径 {text} 含有 nginx 不接受的字符。", f"The path {text} has signs that nginx does not take."
        )
    return f'"{text}"'
