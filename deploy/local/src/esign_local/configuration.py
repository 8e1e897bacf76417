"""The settings file of every program, and the accounts that the platform holds with the outside world.

Each service gets what it needs and no more: its own database, its own events, the buckets and peers named here.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from esign_kit.engines import S3Identity
from esign_kit.engines.base import write_private

from esign_local.replicas import programs, service_of, target
from esign_local.seed import NAME as LANDLORD
from esign_local.seed import UNIFIED_SOCIAL_CREDIT_CODE
from esign_local.signer_keys import signer_keys
from esign_local.state import ROOT
from esign_local.toml import to_toml

FONTS = ROOT / "node_modules" / "@expo-google-fonts"
SERIF = FONTS / "noto-serif-sc" / "400Regular" / "NotoSerifSC_400Regular.ttf"
SERIF_BOLD = FONTS / "noto-serif-sc" / "700Bold" / "NotoSerifSC_700Bold.ttf"
SANS = FONTS / "noto-sans-sc" / "400Regular" / "NotoSansSC_400Regular.ttf"

SERVICES = ("identity", "ca-broker", "contract", "signer", "notifier", "evidence")
SYSTEMS = ("leasing", "procurement", "jde", "operator")
PEERS: Mapping[str, tuple[str, ...]] = {
    "identity": ("notifier",),
    "ca-broker": ("identity", "signer"),
    "contract": ("identity", "signer", "evidence"),
    "signer": ("ca-broker",),
    "notifier": ("identity",),
    "evidence": (),
    "gateway": ("identity", "contract", "signer", "evidence"),
}
# bucket → versioned and with object lock?
BUCKETS: Mapping[str, bool] = {"documents": True, "previews": False, "seals": True, "evidence": True}
WRITES: Mapping[str, tuple[str, ...]] = {
    "contract": ("documents", "previews"),
    "signer": ("documents", "seals"),
    "evidence": ("evidence",),
}
READS: Mapping[str, tuple[str, ...]] = {"evidence": ("documents",)}
# kind → number at the provider, approved text (which forbids addresses among the parameters), its parameters in order
SMS_TEMPLATES: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "login_code": ("2000001", "验证码：{1}，{2}分钟内有效，用于登录电子签章平台。请勿告知他人。", ("code", "minutes")),
    "signing_code": (
        "2000002",
        "验证码：{1}，{2}分钟内有效，用于签署文档{3}的身份核验。请勿告知他人。",
        ("code", "minutes", "document_number"),
    ),
    "contract_invitation": (
        "2000003",
        "{1}，您有一份合同《{2}》（编号{3}）待签署，请登录 PORTAL 办理。",
        ("name", "title", "document_number"),
    ),
    "contract_completed": (
        "2000004",
        "{1}，合同《{2}》（编号{3}）已由各方签署完成，请登录 PORTAL 下载。",
        ("name", "title", "document_number"),
    ),
    "contract_withdrawn": (
        "2000005",
        "{1}，合同《{2}》（编号{3}）已撤回，无需签署。",
        ("name", "title", "document_number"),
    ),
    "contract_expired": (
        "2000006",
        "{1}，合同《{2}》（编号{3}）已过签署期限。",
        ("name", "title", "document_number"),
    ),
}
TENCENT_ID = "AKIDlocal"
ANTCHAIN_KEY = "local"
SMS_APP = "1400000001"
SMS_SIGN = "SOHO中国"
FACE_RULE = "1"
BJCA_APP = "esign-local"
# The certificate policies of the sandbox CA, below the enterprise number reserved for examples (RFC 5612).
CA_POLICIES = "1.3.6.1.4.1.32473.1"

Table = dict[str, object]


class Configuration:
    """Writes `settings/<program>.toml` and `sandbox/credentials.json` for programs at known addresses.

    `ports` maps a program to its ports: engines as they take them, `sandbox` HTTP and SMTP, services gRPC and health,
    `gateway` HTTP. Spans go to the OTLP collector at `otlp_endpoint`, where one is named. `replicas` says of which service
    there are more than one, `organisation_keys` where the signer makes organisations' keys (`signer_keys.STORES`).
    """

    def __init__(
        self,
        data_dir: Path,
        ports: Callable[[str], list[int]],
        *,
        otlp_endpoint: str = "",
        replicas: Mapping[str, int] = MappingProxyType({}),
        organisation_keys: str = "software",
    ) -> None:
        # Heavy, and whoever only wants a name from this file does without.
        from esign_local.material import Material
        from esign_local.pki import Pki

        self.data_dir = data_dir
        self.otlp_endpoint = otlp_endpoint
        self.pki = Pki(data_dir / "tls")
        self.material = Material(data_dir / "secrets", data_dir / "trust")
        self.ca_roots = self.material.public("ca-roots.pem")
        self._ports, self.replicas, self.organisation_keys = ports, replicas, organisation_keys
        for name in (*SERVICES, "gateway"):
            self.pki.ensure(name, "service")
        for name in SYSTEMS:
            self.pki.ensure(name, "system")
        self.material.public("internal-ca.pem").write_bytes(self.pki.ca_file.read_bytes())
        for owner, name in (("identity", "actor"), ("identity", "activation"), ("evidence", "checkpoint")):
            self.material.signing_key(owner, name)
        self.sign_on_key = self.material.signing_key("procurement", "procurement-sign-on")
        self.sign_on_key_set = self.material.key_set("procurement-sign-on")

    def address(self, name: str, which: int = 0) -> str:
        """`host:port` of a program."""
        return f"127.0.0.1:{self._ports(name)[which]}"

    def target(self, name: str) -> str:
        """Where all replicas of a service are, for `esign_kit.grpc_client.channel`."""
        return target([self.address(program) for program in programs(name, self.replicas)])

    def database_password(self, service: str) -> str:
        """The password of a service's database role."""
        return self.material.password(service, "database").read_text()

    def nats_passwords(self) -> dict[str, str]:
        """Passwords by NATS user."""
        names = (*SERVICES, "gateway")
        passwords = {event_user(name): self.material.password(name, "nats").read_text() for name in names}
        return {**passwords, "admin": self.material.password("nats", "admin").read_text()}

    def s3_identities(self) -> list[S3Identity]:
        """The keys of those services that may touch objects."""
        return [
            S3Identity.for_buckets(
                name,
                self.material.password(name, "s3").read_text(),
                write=WRITES.get(name, ()),
                read=READS.get(name, ()),
            )
            for name in SERVICES
            if name in WRITES or name in READS
        ]

    def write_sandbox(self) -> Path:
        """The accounts file of the sandbox."""
        read = self._vendor
        credentials = {
            "tencent": {"secret_id": TENCENT_ID, "secret_key": read("tencent")},
            "sms": {
                "sdk_app_id": SMS_APP,
                "sign_name": SMS_SIGN,
                "templates": {
                    number: text.replace("PORTAL", self.portal_url) for number, text, _ in SMS_TEMPLATES.values()
                },
            },
            "faceid": {"rule_ids": [FACE_RULE]},
            "antchain": {"access_key": ANTCHAIN_KEY, "access_secret": read("antchain")},
            "ca": {"client_secret": read("ca")},
            "smtp": {"user": "esign", "password": read("smtp")},
            "bjca": {"app_id": BJCA_APP, "secret": read("bjca")},
            "procurement": {
                "gateway_url": self.portal_url,
                "identity": {
                    "address": self.target("identity"),
                    "server_name": "identity.esign.internal",
                    "ca_file": str(self.pki.ca_file),
                    "cert_file": str(self.pki.cert_file("procurement")),
                    "key_file": str(self.pki.key_file("procurement")),
                },
                "sign_on": {
                    "key_file": str(self.sign_on_key),
                    "key_id": self.material.key_id("procurement-sign-on"),
                },
            },
        }
        path = self.data_dir / "sandbox" / "credentials.json"
        write_private(path, json.dumps(credentials, ensure_ascii=False, indent=2))
        return path

    def write_service(self, program: str) -> Path:
        """The settings file of a service, or of one of its replicas."""
        name = service_of(program)
        sections: dict[str, Callable[[], Table]] = {
            "identity": self._identity,
            "ca-broker": self._ca_broker,
            "contract": self._contract,
            "signer": self._signer,
            "notifier": self._notifier,
            "evidence": self._evidence,
        }
        return self._write(program, {**self._common(program), **sections[name]()})

    def write_gateway(self, program: str = "gateway") -> Path:
        """The settings file of the gateway, or of one of its replicas."""
        return self._write(
            program,
            {
                "environment": "local",
                "otlp_endpoint": self.otlp_endpoint,
                "http_listen": self.address(program),
                "public_url": self.portal_url,
                "sso_origins": [self.sandbox_url],
                "support": [
                    {"name": "认证机构客服", "phone": "010-58515511"},
                    {"name": "SOHO中国客服", "phone": "4009197888-3"},
                ],
                "tls": self._tls("gateway"),
                "peers": {peer: self.target(peer) for peer in PEERS["gateway"]},
                "nats": self._nats("gateway"),
            },
        )

    @property
    def portal_url(self) -> str:
        """Where people open the portal."""
        return f"http://{self.address('gateway')}"

    @property
    def sandbox_url(self) -> str:
        """Where the outside world answers."""
        return f"http://{self.address('sandbox')}"

    def _common(self, program: str) -> Table:
        name = service_of(program)
        user = event_user(name)
        table: Table = {
            "service": name,
            "environment": "local",
            "otlp_endpoint": self.otlp_endpoint,
            "grpc_listen": self.address(program),
            "health_listen": self.address(program, 1),
            "actor_public_key_file": self.material.public("actor.pub.pem"),
            "tls": self._tls(name),
            "database": {
                "url": f"postgresql+psycopg://{user}@{self.address('postgres')}/{user}",
                "password_file": self.material.password(name, "database"),
                # A connection that rests takes some 16 MiB of the database's memory.
                "pool_size": 1,
            },
            "nats": self._nats(name),
            "peers": {peer: self.target(peer) for peer in PEERS[name]},
        }
        if name in WRITES or name in READS:
            table["s3"] = {
                "endpoint": self.address("s3"),
                "access_key": name,
                "secret_key_file": self.material.password(name, "s3"),
            }
        return table

    def _identity(self) -> Table:
        return {
            "actor_key_file": self.material.signing_key("identity", "actor"),
            "activation_key_file": self.material.signing_key("identity", "activation"),
            "field_keyring_file": self.material.keyring("identity"),
            "face": {
                "tencent": {
                    "endpoint": self.address("sandbox"),
                    "scheme": "http",
                    "rule_id": FACE_RULE,
                    "secret_id": TENCENT_ID,
                    "secret_key_file": self._vendor_copy("identity", "tencent"),
                },
                "bjca": {
                    "base_url": f"{self.sandbox_url}/bjca",
                    "app_id": BJCA_APP,
                    "secret_file": self._vendor_copy("identity", "bjca"),
                },
            },
            "portal_url": self.portal_url,
            "sign_on": {"platforms": {"procurement": self.sign_on_key_set}},
            # Everyone on a developer's machine has one address; what is limited by phone stays as it is.
            "limits": {
                "login_codes_per_address_hour": 1000,
                "login_failures_per_address_hour": 1000,
                "captchas_per_address_hour": 1000,
                "captcha_after_address_codes": 500,
            },
        }

    def _ca_broker(self) -> Table:
        return {
            "activation_public_key_file": self.material.public("activation.pub.pem"),
            "ca": {
                "base_url": self.sandbox_url,
                "client_secret_file": self._vendor_copy("ca-broker", "ca"),
                "roots_file": self.ca_roots,
                "policies": {"organisation": f"{CA_POLICIES}.1.1", "event": f"{CA_POLICIES}.1.2"},
            },
        }

    def _contract(self) -> Table:
        return {"watermark_font_file": SANS}

    def _signer(self) -> Table:
        return {
            "activation_public_key_file": self.material.public("activation.pub.pem"),
            **signer_keys(self.material, self.organisation_keys),
            "trust": {"roots_file": self.ca_roots, "tsa_urls": [f"{self.sandbox_url}/ca/tsa"]},
            "seal_font_files": [SERIF_BOLD, SANS],
            "workers_at_start": False,
            "worker_idle_seconds": 60.0,
        }

    def _notifier(self) -> Table:
        templates = {
            kind: {"id": number, "parameters": list(parameters)}
            for kind, (number, _, parameters) in SMS_TEMPLATES.items()
        }
        return {
            "field_keyring_file": self.material.keyring("notifier"),
            "portal_url": self.portal_url,
            "sms": {
                "scheme": "http",
                "endpoint": self.address("sandbox"),
                "secret_id": TENCENT_ID,
                "secret_key_file": self._vendor_copy("notifier", "tencent"),
                "sdk_app_id": SMS_APP,
                "sign_name": SMS_SIGN,
                "templates": templates,
                "deadline_seconds": 5.0,
                # The sandbox reports at once what it sent.
                "report_grace_seconds": 2.0,
            },
            "smtp": {
                "host": "127.0.0.1",
                "port": self._ports("sandbox")[1],
                "security": "plain",
                "user": "esign",
                "password_file": self._vendor_copy("notifier", "smtp"),
                "from_address": "noreply@esign.soho.example",
                "message_id_domain": "esign.soho.example",
                "deadline_seconds": 5.0,
            },
            # What a killed process had in hand is taken up soon, and a provider that is back is noticed soon.
            "delivery": {"lease_seconds": 20.0, "first_delay_seconds": 2.0},
        }

    def _evidence(self) -> Table:
        return {
            "retention_days": 1827,
            "verification_url": f"{self.portal_url}/evidence",
            "activation_public_key_files": [self.material.public("activation.pub.pem")],
            "log": {
                "origin": "esign.soho.example/evidence",
                "key_file": self.material.signing_key("evidence", "checkpoint"),
            },
            "chain": {
                "scheme": "http",
                "endpoint": self.address("sandbox"),
                "access_key": ANTCHAIN_KEY,
                "access_secret_file": self._vendor_copy("evidence", "antchain"),
                "customer": {
                    "name": LANDLORD,
                    "unified_social_credit_code": UNIFIED_SOCIAL_CREDIT_CODE,
                },
            },
        }

    def _nats(self, name: str) -> Table:
        return {
            "servers": [f"nats://{self.address('nats')}"],
            "user": event_user(name),
            "password_file": self.material.password(name, "nats"),
        }

    def _tls(self, name: str) -> Table:
        return {
            "cert_file": self.pki.cert_file(name),
            "key_file": self.pki.key_file(name),
            "ca_file": self.pki.ca_file,
        }

    def _vendor(self, name: str) -> str:
        return self.material.password("vendors", name).read_text()

    def _vendor_copy(self, service: str, vendor: str) -> Path:
        return self.material.shared(service, f"vendor-{vendor}", self.material.password("vendors", vendor))

    def _write(self, name: str, table: Table) -> Path:
        path = self.data_dir / "settings" / f"{name}.toml"
        write_private(path, to_toml(table))
        return path


def event_user(service: str) -> str:
    """A service's name as its NATS user, its database and its role: `ca-broker` → `ca_broker`."""
    return service.replace("-", "_")
