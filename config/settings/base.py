"""Settings common to every way of running Tenure. What differs is read from the environment."""

import os
from pathlib import Path

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from config.stack.environment import load_environment

BASE_DIR = Path(__file__).resolve().parent.parent.parent
load_environment()

# onnxruntime >= 1.29 reports usage unless told not to before its first import.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"


def required(name: str) -> str:
    """The environment variable, or a sentence that says how to get it."""
    if value := os.environ.get(name):
        return value
    raise ImproperlyConfigured(
        f"{name} is not set. Start Tenure with `make up`, or set the variable (see README, Configuration)."
    )


def flag(name: str, default: bool = False) -> bool:
    """A yes-or-no environment variable."""
    return os.environ.get(name, str(default)).lower() in {"1", "true", "yes", "on"}


SECRET_KEY = required("TENURE_SECRET_KEY")
# Fernet key of what must be read back, such as webhook secrets; passwords and tokens are only ever hashed.
FIELD_KEY = required("TENURE_FIELD_KEY")
DEBUG = False
ALLOWED_HOSTS = os.environ.get("TENURE_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
CSRF_TRUSTED_ORIGINS = [origin for origin in os.environ.get("TENURE_ORIGINS", "").split(",") if origin]
TENURE_DATA = Path(os.environ.get("TENURE_DATA", BASE_DIR / "var"))
TENURE_ADDRESS = os.environ.get("TENURE_ADDRESS", f"http://127.0.0.1:{os.environ.get('PORT', '8000')}")
TENURE_SERVE_ADDRESS = os.environ.get(
    "TENURE_SERVE_ADDRESS", f"http://127.0.0.1:{int(os.environ.get('PORT', '8000')) + 1}"
)
# Hosts inside the network that webhooks may be sent to all the same, divided by commas.
TENURE_OUTGOING_HOSTS = {host.lower() for host in os.environ.get("TENURE_OUTGOING_HOSTS", "").split(",") if host}
TENURE_UPLOAD_LIMIT = int(os.environ.get("TENURE_UPLOAD_LIMIT", 2 * 1024**3))
# Bytes of one batch of rows, unpacked.
TENURE_BATCH_LIMIT = int(os.environ.get("TENURE_BATCH_LIMIT", 2 * 1024**3))
# Whether traces are sent; where to, and all else, the library's own variables say.
TENURE_TRACES = any(map(os.environ.get, ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")))
# Rows of one endpoint that may wait to be counted; beyond, senders are asked to come back later.
TENURE_MOST_WAITING_ROWS = int(os.environ.get("TENURE_MOST_WAITING_ROWS", 5_000_000))
# Whether kept rows must do without Parquet's BYTE_STREAM_SPLIT, which Spark reads by itself from 4.3 on.
TENURE_PLAIN_BATCHES = flag("TENURE_PLAIN_BATCHES")
# Known vulnerabilities in the format of osv.dev: a JSON file or a ZIP archive of them, as a path or an address.
TENURE_ADVISORIES = os.environ.get("TENURE_ADVISORIES", "")
# Below it each organization has a folder of its own, named by its key, whose files can be taken as dataset versions.
TENURE_REFERENCE_FOLDER = os.environ.get("TENURE_REFERENCE_FOLDER", "")
# The demo shows its mail on a page and its sign-ins in the terminal; a real portal does neither.
TENURE_DEMO = flag("TENURE_DEMO")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "axes",
    "guardian",
    "simple_history",
    "django_htmx",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "apps.core",
    "apps.audit",
    "apps.work",
    "apps.organizations",
    "apps.discussions",
    "apps.approvals",
    *[
        f"apps.{name}"
        for name in (
            "projects",
            "datasets",
            "models",
            "validation",
            "deployments",
            "monitoring",
            "retraining",
            "retirement",
            "portal",
        )
        if (BASE_DIR / "apps" / name / "apps.py").exists()
    ],
]

MIDDLEWARE = [
    "apps.core.tracing.Traces",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "apps.core.middleware.ContentSecurityPolicy",
    "apps.core.middleware.RequestLog",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
    "apps.core.middleware.Readable",
    "apps.organizations.middleware.OpenTenant",
    "apps.core.middleware.DomainErrors",
    "apps.work.middleware.Idempotency",
    "simple_history.middleware.HistoryRequestMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "apps.core.context.frame",
            ],
            "builtins": ["apps.core.templatetags.tenure"],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
INSTALLED_APPS.insert(0, "django.forms")


def database(variable: str) -> dict:
    """A connection of our own PostgreSQL role, whose transactions carry the tenant."""
    config = dj_database_url.parse(required(variable), conn_max_age=int(os.environ.get("TENURE_CONN_MAX_AGE", "60")))
    config["CONN_HEALTH_CHECKS"] = True
    return dict(config)


# `default` is the application role: neither owner nor superuser, bound by row-level security.
# `owner` migrates and nothing else; `operations` reads across tenants for backup and nothing else.
DATABASES = {"default": database("TENURE_DATABASE_URL"), "owner": database("TENURE_DATABASE_OWNER_URL")}
if "TENURE_DATABASE_OPERATIONS_URL" in os.environ:
    DATABASES["operations"] = database("TENURE_DATABASE_OPERATIONS_URL")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Accounts
AUTH_USER_MODEL = "organizations.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
    "apps.organizations.backends.AccessBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_ADAPTER = "apps.organizations.adapter.AccountAdapter"
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SESSION_REMEMBER = True
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Tenure"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_USERNAME_FORM_FIELD = "login"
AXES_LOCKOUT_TEMPLATE = "errors/locked.html"
GUARDIAN_MONKEY_PATCH_USER = False
ANONYMOUS_USER_NAME = None
# Guardian is asked through apps.organizations.access only, which knows that grants end.
SILENCED_SYSTEM_CHECKS = ["guardian.W001"]

SESSION_COOKIE_NAME = "tenure"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# History
SIMPLE_HISTORY_REVERT_DISABLED = True
SIMPLE_HISTORY_HISTORY_ID_USE_UUID = False
SIMPLE_HISTORY_ENFORCE_HISTORY_MODEL_PERMISSIONS = False

# API
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["apps.organizations.authentication.OpenedBy"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PAGINATION_CLASS": "apps.core.api.Pages",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PARSER_CLASSES": ["apps.core.parsers.Json", "apps.core.parsers.Form", "apps.core.parsers.Files"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "apps.core.schema.Schema",
    "DEFAULT_THROTTLE_CLASSES": ["apps.core.api.PersonThrottle"],
    "DEFAULT_THROTTLE_RATES": {"person": os.environ.get("TENURE_API_RATE", "1200/min")},
    "EXCEPTION_HANDLER": "apps.core.api.problem",
    "PAGE_SIZE": 50,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Tenure",
    "DESCRIPTION": "Plan, build, validate, approve, deploy, monitor, retrain, retire models: evidence for every step.",
    "VERSION": "1",
    "DEFAULT_GENERATOR_CLASS": "apps.core.schema.Generator",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": r"/o/\{organization\}/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    # Choices stay where they are used: as components they would need made-up names, for many fields are a `kind`.
    "POSTPROCESSING_HOOKS": ["apps.core.schema.add_problems"],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}

# Work
BROKER_URL = required("BROKER_URL")
CELERY_BROKER_URL = BROKER_URL
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "default"
# Nobody commands workers through the broker; on RabbitMQ the queue for it would belong to one worker of a name alone.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_TASK_TIME_LIMIT = 3600
CELERY_TASK_SOFT_TIME_LIMIT = 3540
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 2, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.5}
if BROKER_URL.startswith("redis"):
    # Redelivery comes after the visibility timeout, which must exceed the longest hard limit. The two restore
    # settings make the look-up happen in time; without them it comes up to 100 s late (kombu looks every 10th call).
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "visibility_timeout": 7200,
        "unacked_restore_interval": 2,
        "unacked_restore_throttle": 1,
    }
CELERY_BEAT_SCHEDULE = {"sweep": {"task": "work.sweep", "schedule": 5.0, "options": {"expires": 10}}}
CELERY_BEAT_SCHEDULE_FILENAME = str(TENURE_DATA / "beat")

# Mail
EMAIL_BACKEND = os.environ.get(
    "TENURE_EMAIL_BACKEND",
    "django.core.mail.backends.smtp.EmailBackend"
    if os.environ.get("EMAIL_HOST")
    else "django.core.mail.backends.dummy.EmailBackend",
)
EMAIL_HOST = os.environ.get("EMAIL_HOST", "")
EMAIL_PORT = int(os.environ.get("EMAIL_PORT", "25"))
EMAIL_HOST_USER = os.environ.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = flag("EMAIL_USE_TLS")
EMAIL_USE_SSL = flag("EMAIL_USE_SSL")
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = os.environ.get("TENURE_FROM_EMAIL", "Tenure <tenure@localhost>")

# Files
STORAGES = {
    "default": {
        "BACKEND": "storages.backends.s3.S3Storage"
        if os.environ.get("AWS_STORAGE_BUCKET_NAME")
        else "django.core.files.storage.FileSystemStorage",
        **({} if os.environ.get("AWS_STORAGE_BUCKET_NAME") else {"OPTIONS": {"location": str(TENURE_DATA / "files")}}),
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
AWS_STORAGE_BUCKET_NAME = os.environ.get("AWS_STORAGE_BUCKET_NAME")
AWS_S3_ENDPOINT_URL = os.environ.get("AWS_S3_ENDPOINT_URL")
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024**2
FILE_UPLOAD_TEMP_DIR = None
FILE_UPLOAD_HANDLERS = ["apps.core.uploads.BoundedUpload"]
STATIC_URL = "static/"
STATIC_ROOT = TENURE_DATA / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]

FILTERS_EMPTY_CHOICE_LABEL = "Any"

# Language and time
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
if BROKER_URL.startswith("redis://"):
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": BROKER_URL}}
elif BROKER_URL.startswith("redis+socket://"):
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": BROKER_URL.replace("redis+socket://", "unix://", 1),
        }
    }

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "apps.core.logs.formatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["console"], "level": os.environ.get("TENURE_LOG_LEVEL", "INFO")},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "celery": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
    },
}
