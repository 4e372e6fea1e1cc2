"""Settings, read once from environment variables; no secret has a default.

| variable | meaning |
|---|---|
| KRYPTON_HOME | state folder; `.krypton` in the current directory |
| KRYPTON_KAFKA | bootstrap servers to use instead of the embedded broker |
| KRYPTON_KAFKA_USER, …_KAFKA_PASSWORD_FILE | a process's login where that Kafka asks for one, its password by file |
| KRYPTON_DEV_SECURE | 0: a new embedded broker asks for no login; anybody on this machine may write to it |
| KRYPTON_ROLES | the roles file; `roles.toml` in the state folder |
| KRYPTON_DATABASE, …_DATABASE_FILE | URL of the database to use instead of the embedded one, or its file |
| KRYPTON_MASTER_KEY, …_MASTER_KEY_FILE | base64 of the vault's 32-byte master key, or its file, for several |
| KRYPTON_PKCS11_MODULE, …_PKCS11_TOKEN, …_PKCS11_KEY, …_PKCS11_PIN_FILE | the master key in a security module |
| KRYPTON_VAULT_DATABASE, …_VAULT_DATABASE_FILE | URL of the vault's own database, or its file; the ledger's |
| KRYPTON_TEST_INSTALLATION | 1: nobody here is a patient; matricules of test authorities are taken, and no others |
| KRYPTON_DICOM_AE, KRYPTON_DICOM_PORT | AE title (PS3.5 §6.2: 16 characters) and port of the DICOM service |
| KRYPTON_DICOM_HOST | the address that the DICOM service listens on; 0.0.0.0 for the hospital's network |
| KRYPTON_DICOM_ASSOCIATIONS, …_ASSOCIATIONS_PER_AE, …_ASSOCIATIONS_PER_ADDRESS | associations at once |
| KRYPTON_DICOM_WAITING, KRYPTON_DICOM_WAITING_PER_ADDRESS | connections at once without an association |
| KRYPTON_DICOM_RATE, KRYPTON_DICOM_CONNECTION_RATE | associations a second of one AE title; connections in all |
| KRYPTON_DICOM_REQUEST_S, …_DICOM_UNFINISHED_S, …_DICOM_IDLE_S | when a silent connection is closed, see the fields |
| KRYPTON_DICOM_INSTANCE_MIB | the largest instance that is taken over the network |
| KRYPTON_DICOM_INFLATED_MIB, KRYPTON_DICOM_HEADER_MIB | what a data set may inflate to; what of it is parsed |
| KRYPTON_DICOM_VOLUMES | folders on other disks to which stored images are moved, with colons between |
| KRYPTON_SCRUB_MIB_S | MiB of stored instances that are read again in a second, to find damage; 0: none |
| KRYPTON_DICOM_TLS_CERT_FILE, KRYPTON_DICOM_TLS_KEY_FILE | the DICOM service's certificate, and the key of that |
| KRYPTON_DICOM_TLS_CA_FILE | the authorities whose certificates name callers |
| KRYPTON_HL7_PORT, KRYPTON_HL7_HOST | port and listening address of the HL7 service |
| KRYPTON_HL7_TLS_CERT_FILE, KRYPTON_HL7_TLS_KEY_FILE | its certificate, and the key of that |
| KRYPTON_HL7_TLS_CA_FILE | the authorities whose certificates name senders |
| KRYPTON_HL7_CONNECTIONS, …_HL7_MESSAGE_KIB, …_HL7_UNFINISHED_S, …_HL7_IDLE_S | limits, see the fields |
| KRYPTON_WEB_PORT, KRYPTON_WEB_HOST | port and listening address of the web service |
| KRYPTON_WEB_TLS_CERT_FILE, KRYPTON_WEB_TLS_KEY_FILE | its certificate, and the key of that |
| KRYPTON_WEB_TLS_CA_FILE | the authorities whose certificates name accounts of the web service |
| KRYPTON_WEB_PROXIES | addresses and networks of the proxies before it, whose X-Forwarded-* is believed |
| KRYPTON_WEB_ACCOUNTS | the file of its accounts; `accounts.toml` in the state folder |
| KRYPTON_WEB_VIEWER | the folder of the viewer's program; `krypton viewer fetch` makes it in the user's cache |
| KRYPTON_WEB_TOKENS_URL, KRYPTON_WEB_TOKENS_CLIENT | where tokens of professionals are asked about, and as whom |
| KRYPTON_WEB_TOKENS_SECRET_FILE, KRYPTON_WEB_TOKENS_CA_FILE | that client's secret; who signs for the provider |
| KRYPTON_WEB_ORIGIN | its public address, where browsers sign in: `https://images.example.fr` |
| KRYPTON_WEB_PROVIDERS | the file of the providers of their sign-in; `providers.toml` in the state folder |
| KRYPTON_WEB_CONNECTIONS, KRYPTON_WEB_RATE | its connections at once; requests a second of one caller |
| KRYPTON_REGISTRY_PORT, KRYPTON_REGISTRY_HOST | port and listening address of the schema registry |
| KRYPTON_HEALTH_PORT, KRYPTON_HEALTH_HOST | port and listening address of health and metrics |
| KRYPTON_LOG_ORIGIN | name of the tamper-evident log, a URL without its scheme; never changed once it signed |
| KRYPTON_LOG_FOLDER, KRYPTON_LOG_KEY_FILE | where its tiles are, and the file of its signing key |
| KRYPTON_NOTICES_URL | where policies POST their notices, http or https; else files in `notices` of the state folder |
| KRYPTON_NOTICES_KEY_FILE | the file of the key under which they are signed (Standard Webhooks) |
| KRYPTON_MAIL | the file of the mail server, and of whom is written to; `mail.toml` in the state folder |
| KRYPTON_REPLICATION | copies that Kafka keeps of each partition; 1, and 3 in production |
| KRYPTON_CLOCK_BOUND_S | seconds by which a writer's clock may differ from the event store's (T1) |
| KRYPTON_RELAY_BATCH, …_WORKER_BATCH, …_BATCH_QUIET_S | limits, see the fields |
| KRYPTON_REGION_AGE_S | seconds after which practice is compared with the region again: 21,600; at most 86,400 |
| KRYPTON_REBUILD_MIB | memory that each process of a rebuild may take, in MiB: 1,200; at least 160 |
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from krypton import setting_values as values
from krypton.home import Home
from krypton.ohif.folder import folder_of
from krypton.setting_bounds import numbers
from krypton.setting_values import Network
from projections.versions.bounds import DEFAULT_MIB


@dataclass(frozen=True)
class Settings:
    """All settings. ``kafka`` and ``database`` are None where the embedded stack serves."""

    home: Path
    kafka: str | None = None  # as streams.broker writes it: with a login where one is given
    database: str | None = field(default=None, repr=False)  # its URL may hold a password
    vault_database: str | None = field(default=None, repr=False)  # None: the ledger's
    master_key_base64: str | None = field(default=None, repr=False)
    master_key_file: Path | None = None
    test_given: bool | None = None
    pkcs11_module: Path | None = None  # all four, or none
    pkcs11_token: str | None = None
    pkcs11_key: str | None = None
    pkcs11_pin_file: Path | None = None
    roles_given: Path | None = None
    dicom_ae: str = "KRYPTON"
    dicom_port: int = 11112
    dicom_host: str = "127.0.0.1"
    dicom_tls_cert_file: Path | None = None  # both, or none
    dicom_tls_key_file: Path | None = None
    dicom_tls_ca_file: Path | None = None  # callers show certificates of these authorities
    dicom_associations: int = 100  # at once
    dicom_associations_per_ae: int = 40
    dicom_associations_per_address: int = 60
    dicom_waiting: int = 128  # connections that have asked for no association yet
    dicom_waiting_per_address: int = 32
    dicom_rate: int = 200  # associations a second that an AE title gets
    dicom_connection_rate: int = 500  # connections a second, in all
    dicom_request_s: float = 30.0  # from a connection to the end of its request
    dicom_unfinished_s: float = 30.0  # for the rest of a PDU or of a message
    dicom_idle_s: float = 30.0  # between two messages
    dicom_instance_mib: int = 4_096
    dicom_inflated_mib: int = 512
    dicom_header_mib: int = 16  # what is parsed of an instance
    dicom_volumes: tuple[Path, ...] = ()  # to which stored images are moved
    scrub_mib_s: int = 4  # of stored instances that are read again in a second; 0: none
    hl7_port: int = 2575
    hl7_host: str = "127.0.0.1"
    hl7_tls_cert_file: Path | None = None  # both, or none
    hl7_tls_key_file: Path | None = None
    hl7_tls_ca_file: Path | None = None  # senders show certificates of these authorities
    hl7_connections: int = 64  # at once
    hl7_connections_per_address: int = 16
    hl7_message_kib: int = 1_024  # the largest message
    hl7_unfinished_s: float = 30.0  # for the rest of a message, and to take an answer
    hl7_idle_s: float = 3_600.0  # between two messages: senders stay connected
    web_port: int = 8080
    web_host: str = "127.0.0.1"
    web_tls_cert_file: Path | None = None  # both, or none
    web_tls_key_file: Path | None = None
    web_tls_ca_file: Path | None = None  # accounts may show certificates of these authorities
    web_proxies: tuple[Network, ...] = ()  # whose X-Forwarded-* is believed
    web_accounts_given: Path | None = None
    web_viewer_given: Path | None = None
    web_origin: str | None = None
    web_providers_given: Path | None = None
    web_tokens_url: str | None = None  # the first three, or none
    web_tokens_client: str | None = None
    web_tokens_secret_file: Path | None = None
    web_tokens_ca_file: Path | None = None
    web_connections: int = 512  # at once
    web_rate: int = 300  # requests a second of one caller: a viewer asks for each image by itself
    registry_port: int = 8081
    registry_host: str = "127.0.0.1"
    health_port: int = 9464
    health_host: str = "127.0.0.1"  # it asks for no login
    dev_secure: bool = True
    notices_url: str | None = field(default=None, repr=False)  # it may hold a token
    notices_key_file: Path | None = None
    mail_given: Path | None = None
    log_origin: str = "krypton.local/ledger"
    log_folder_given: Path | None = None
    log_key_given: Path | None = None
    relay_batch: int = 1000  # events the relay reads and sends at a time
    worker_batch: int = 1000  # events a processor applies in one transaction, at most (architecture §7.3)
    rebuild_mib: int = DEFAULT_MIB  # memory of each process of a rebuild (projections.versions.bounds)
    other_connections: int = 18  # of PostgreSQL, left to commands, rebuilds, second workers and other programs
    replication: int = 1  # copies that Kafka keeps of each partition; 3 in production
    clock_bound_s: float = 60.0  # by which a writer's clock may differ from the event store's (T1)
    region_age_s: float = 21_600.0  # after which practice is compared with the region again (krypton.services.region)
    batch_quiet_s: float = 2.0  # silence after which instances received so far become a study

    @staticmethod
    def read(env: Mapping[str, str], cwd: Path) -> "Settings":
        """Read them from an environment. Empty variables count as unset. Raises SettingsWrong."""
        given = {name: value.strip() for name, value in env.items() if name.startswith("KRYPTON_") and value.strip()}
        return Settings(
            home=cwd / given.get("KRYPTON_HOME", ".krypton"),
            kafka=values.kafka(given, cwd),
            database=values.database(given, cwd, "KRYPTON_DATABASE", "KRYPTON_DATABASE_FILE"),
            vault_database=values.database(given, cwd, "KRYPTON_VAULT_DATABASE", "KRYPTON_VAULT_DATABASE_FILE"),
            master_key_base64=given.get("KRYPTON_MASTER_KEY"),
            master_key_file=values.path(given, "KRYPTON_MASTER_KEY_FILE", cwd),
            test_given=values.yes(given, "KRYPTON_TEST_INSTALLATION") if "KRYPTON_TEST_INSTALLATION" in given else None,
            **values.token(given, cwd),
            roles_given=values.path(given, "KRYPTON_ROLES", cwd),
            dicom_ae=values.ae_title(given, Settings.dicom_ae),
            dicom_host=given.get("KRYPTON_DICOM_HOST", Settings.dicom_host),
            **values.tls(given, cwd, "dicom"),
            dicom_volumes=values.paths(given, "KRYPTON_DICOM_VOLUMES", cwd),
            hl7_host=given.get("KRYPTON_HL7_HOST", Settings.hl7_host),
            **values.tls(given, cwd, "hl7"),
            web_host=given.get("KRYPTON_WEB_HOST", Settings.web_host),
            **values.tls(given, cwd, "web"),
            web_proxies=values.networks(given, "KRYPTON_WEB_PROXIES"),
            **values.tokens(given, cwd),
            web_accounts_given=values.path(given, "KRYPTON_WEB_ACCOUNTS", cwd),
            web_viewer_given=values.path(given, "KRYPTON_WEB_VIEWER", cwd),
            web_origin=values.web_origin(given),
            web_providers_given=values.path(given, "KRYPTON_WEB_PROVIDERS", cwd),
            registry_host=given.get("KRYPTON_REGISTRY_HOST", Settings.registry_host),
            health_host=given.get("KRYPTON_HEALTH_HOST", Settings.health_host),
            dev_secure=values.yes(given, "KRYPTON_DEV_SECURE"),
            notices_url=values.url(given, "KRYPTON_NOTICES_URL"),
            notices_key_file=values.path(given, "KRYPTON_NOTICES_KEY_FILE", cwd),
            mail_given=values.path(given, "KRYPTON_MAIL", cwd),
            log_origin=values.origin(given, Settings.log_origin),
            log_folder_given=values.path(given, "KRYPTON_LOG_FOLDER", cwd),
            log_key_given=values.path(given, "KRYPTON_LOG_KEY_FILE", cwd),
            **numbers(given, Settings),
        )

    @property
    def test_installation(self) -> bool:
        """Whether nobody in it is a patient: as said, else where the embedded database serves."""
        return self.database is None if self.test_given is None else self.test_given

    @property
    def notices(self) -> Path:
        """The folder of the policies' notices, where no URL is set for them."""
        return Home(self.home).notices

    @property
    def mail(self) -> Path:
        """The file of the mail server, and of whom is written to (``krypton.mail``)."""
        return self.mail_given or self.home / "mail.toml"

    @property
    def instances(self) -> Path:
        """The folder of the DICOM instances taken in."""
        return Home(self.home).instances

    @property
    def roles(self) -> Path:
        """The file that says which roles the users of the command line have (``krypton.cli.roles``)."""
        return self.roles_given or self.home / "roles.toml"

    @property
    def web_accounts(self) -> Path:
        """The file of those who may sign in to the web service (``krypton.faces.http.accounts``)."""
        return self.web_accounts_given or self.home / "accounts.toml"

    @property
    def web_viewer(self) -> Path:
        """The folder of the viewer's program (``krypton.ohif``)."""
        return self.web_viewer_given or folder_of(self.home)

    @property
    def web_providers(self) -> Path:
        """The file of the providers by which browsers sign in (``krypton.faces.signin.providers``)."""
        return self.web_providers_given or self.home / "providers.toml"

    @property
    def public_origin(self) -> str:
        """The address under which browsers ask the web service: as set, else this machine's."""
        return self.web_origin or f"http://127.0.0.1:{self.web_port}"

    @property
    def log_folder(self) -> Path:
        """The folder of the log's tiles, to be served as static files."""
        return self.log_folder_given or Home(self.home).tiles

    @property
    def log_key(self) -> Path:
        """The file of the log's signing key: apart from the tiles, which anybody may read."""
        return self.log_key_given or Home(self.home).tree_key
