"""The one settings file."""

import os
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from fenji.config import house as _house

ROOT = Path(__file__).resolve().parents[2]
HOUSE = _house.current()
DEMO = HOUSE.demo

SECRET_KEY = HOUSE.secret
DATABASE_KEYS = _house.LiveRing(Path(os.environ[_house.VARIABLE]), "database")
INDEX_KEYS = _house.LiveRing(Path(os.environ[_house.VARIABLE]), "index")
CRYPTO_SUITE = HOUSE.suite
DEBUG = False
ALLOWED_HOSTS = os.environ.get("FENJI_HOSTS", "127.0.0.1,localhost,testserver").split(",")

INSTALLED_APPS = [
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "procrastinate.contrib.django",
    "fenji.ground.common",
    "fenji.ground.access",
    "fenji.ground.policy",
    "fenji.ground.network",
    "fenji.ground.tasks",
    "fenji.ground.documents",
    "fenji.ground.publication",
    "fenji.care.catalogue",
    "fenji.care.registry",
    "fenji.care.visits",
    "fenji.care.booking",
    "fenji.care.continuity",
    "fenji.care.referral",
    "fenji.measure.journeys",
    "fenji.measure.referral_quality",
    "fenji.front.desk",
    "fenji.config",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "fenji.config.middleware.Headers",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "fenji.config.middleware.Scope",
]
ROOT_URLCONF = "fenji.config.urls"
WSGI_APPLICATION = "fenji.config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "fenji" / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    ["django.template.loaders.filesystem.Loader", "django.template.loaders.app_directories.Loader"],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.csrf",
                "django.template.context_processors.i18n",
                "django.contrib.messages.context_processors.messages",
                "fenji.front.desk.context.house",
            ],
            "builtins": ["fenji.ground.common.templatetags.house"],
        },
    }
]


def _database(role: str) -> dict[str, object]:
    parts = conninfo_to_dict(HOUSE.urls[role])
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.get("dbname", ""),
        "USER": parts.get("user", ""),
        "PASSWORD": parts.get("password", ""),
        "HOST": parts.get("host", ""),
        "PORT": str(parts.get("port", "")),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,  # after a restart of the database no request fails on a connection that has died meanwhile
        # sslmode, connect_timeout and whatever else the address says
        "OPTIONS": {k: v for k, v in parts.items() if k not in ("dbname", "user", "password", "host", "port")},
    }


DATABASES = {"default": _database("app"), **{r: _database(r) for r in ("owner", "job", "load", "door")}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# jobs are deferred in the app's own transaction; the worker process runs its queue as the job role
PROCRASTINATE_DATABASE_ALIAS = os.environ.get("FENJI_QUEUE_ALIAS", "default")
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "jobs"

# no first-party table of accounts: sessions are scope handles, see fenji.ground.access
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "中文"), ("en", "English")]
LANGUAGE_COOKIE_NAME = "fenji_language"
LOCALE_PATHS = [ROOT / "fenji" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"

STATIC_URL = "/static/"
STATICFILES_DIRS = [ROOT / "fenji" / "static"]
STATIC_ROOT = Path(os.environ.get("FENJI_STATIC", ROOT / "var" / "static"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "fenji.config.statics.Statics"},
}
WHITENOISE_MAX_AGE = 3600

# where the public reaches this house, as printed in QR codes; empty: as each reader reached it
PUBLIC_URL = os.environ.get("FENJI_URL", "").rstrip("/")

# who sends text messages to residents, see fenji.ground.tasks.senders; empty: nobody
GATEWAY = HOUSE.gateway

SECURE = os.environ.get("FENJI_HTTPS", "") == "1"
SESSION_COOKIE = "fenji_session"
SESSION_COOKIE_SECURE = SECURE  # read by the cookie of the messages
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SECURE = SECURE
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "fenji.front.desk.views.errors.csrf_failed"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None
SECURE_HSTS_SECONDS = 31536000 if SECURE else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
SILENCED_SYSTEM_CHECKS: list[str] = []

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {"django.request": {"level": "ERROR"}},  # refusals are everyday answers, not warnings
    "root": {"handlers": ["console"], "level": os.environ.get("FENJI_LOG", "WARNING")},
}
