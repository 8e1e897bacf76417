"""Organisations' hosted keys and their certificates."""

from collections.abc import Sequence
from dataclasses import replace

from cryptography import x509
from esign_kit.clock import Clock
from esign_kit.errors import Conflict, InvalidInput, NotFound, Unavailable

from esign_signer.app.ports import Keys, KeyStores, WorkerFailed
from esign_signer.domain import certificates
from esign_signer.domain.keys import (
    Certificate,
    Key,
    KeyAlgorithm,
    KeyPurpose,
    KeyStoreError,
    KeyStoreKind,
    KeyStoreUnavailable,
    NewKey,
    Subject,
    is_unified_social_credit_code,
)

MAX_NAME_LENGTH = 100
MAX_CREDENTIAL_LENGTH = 256


class CreateOrganisationKey:
    """Makes a hosted key for a certificate order, in the store that is set, or takes the key that the CA made for the order
    and keeps (托管云单位证书). Such a key comes with its certificate: there is nothing to request, and `InstallCertificate`
    is what binds it to the organisation."""

    def __init__(self, keys: Keys, key_stores: KeyStores, store: KeyStoreKind, algorithm: KeyAlgorithm) -> None:
        self._keys, self._key_stores, self._store, self._algorithm = keys, key_stores, store, algorithm

    async def __call__(self, order_no: str, name: str, unified_social_credit_code: str, credential_id: str = "") -> Key:
        """The key of the order, made now or before; the one behind `credential_id` where the CA made it.

        Raises InvalidInput ORDER_INVALID, ORGANISATION_NAME_INVALID, CREDIT_CODE_INVALID, CREDENTIAL_INVALID,
        CREDENTIAL_MISSING (keys are to be the CA's) and CREDENTIAL_UNUSABLE; Conflict ORDER_DIFFERS when the order's key is another organisation's
        or another credential's; Unavailable KEY_STORE_UNAVAILABLE.
        """
        if not 1 <= len(order_no) <= 64 or not order_no.isprintable():
            raise InvalidInput("ORDER_INVALID", zh="订单号无效", en="The order number is not valid")
        if not 1 <= len(name) <= MAX_NAME_LENGTH or not name.isprintable() or name != name.strip():
            raise InvalidInput(
                "ORGANISATION_NAME_INVALID", zh="单位名称无效", en="The organisation's name is not valid"
            )
        check_credit_code(unified_social_credit_code)
        if len(credential_id) > MAX_CREDENTIAL_LENGTH or not credential_id.isascii() or not credential_id.isprintable():
            raise InvalidInput("CREDENTIAL_INVALID", zh="凭证编号无效", en="The credential's id is not valid")
        key = await self._keys.of_order(order_no)
        if key is None:
            key_id = f"organisation-{order_no}"
            try:
                new = await self._new(key_id, Subject(name, name, unified_social_credit_code), credential_id)
            except (KeyStoreUnavailable, WorkerFailed) as error:
                raise Unavailable(
                    "KEY_STORE_UNAVAILABLE", zh="密钥服务暂时不可用，请稍后重试", en="The key store does not answer"
                ) from error
            made = new.on_record(key_id, KeyPurpose.ORGANISATION)
            owned = replace(made, organisation=name, unified_social_credit_code=unified_social_credit_code)
            key = await self._keys.add_organisation_key(owned, order_no)
        differs = (key.organisation, key.unified_social_credit_code) != (name, unified_social_credit_code)
        if differs or (credential_id and key.wrapped != credential_id.encode()):
            raise Conflict(
                "ORDER_DIFFERS",
                zh="该订单属于另一单位或另一凭证",
                en="The order's key is another organisation's, or another",
            )
        return key

    async def _new(self, key_id: str, subject: Subject, credential_id: str) -> NewKey:
        if not credential_id:
            if self._store is KeyStoreKind.CSC:
                raise InvalidInput(
                    "CREDENTIAL_MISSING",
                    zh="单位密钥由证书机构托管，缺少凭证编号",
                    en="Organisations' keys are the CA's: its credential is missing",
                )
            return await self._key_stores.create_key(self._store, key_id, subject, self._algorithm)
        try:
            return await self._key_stores.adopt_key(credential_id)
        except KeyStoreError as error:
            raise InvalidInput(
                "CREDENTIAL_UNUSABLE",
                zh="证书机构托管的密钥无法使用",
                en=f"The CA's credential cannot be used: {error}",
            ) from error


class InstallCertificate:
    """Puts an organisation's certificate to its key."""

    def __init__(self, keys: Keys, roots: Sequence[x509.Certificate], clock: Clock) -> None:
        self._keys, self._roots, self._clock = keys, roots, clock

    async def __call__(self, key_id: str, chain: Sequence[bytes]) -> Certificate:
        """The certificate on record; the same one again changes nothing.

        Raises NotFound KEY_NOT_FOUND, InvalidInput with the code of `certificates.CertificateUnfit`.
        """
        key = await self._keys.get(key_id)
        if key is None or key.purpose is not KeyPurpose.ORGANISATION or key.unified_social_credit_code is None:
            raise NotFound("KEY_NOT_FOUND", zh="密钥不存在", en="No such key")
        try:
            certificate = certificates.certificate_for(key, chain, key.unified_social_credit_code, self._clock())
            certificates.check_root(chain, self._roots)
        except certificates.CertificateUnfit as error:
            raise InvalidInput(
                error.code, zh="证书与密钥或单位不符", en="The certificate does not fit the key or its owner"
            ) from error
        return await self._keys.add_certificate(certificate)


def check_credit_code(code: str) -> None:
    """Raises InvalidInput CREDIT_CODE_INVALID."""
    if not is_unified_social_credit_code(code):
        raise InvalidInput(
            "CREDIT_CODE_INVALID", zh="统一社会信用代码无效", en="The unified social credit code is not valid"
        )
