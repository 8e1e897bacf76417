"""What the gateway asks on behalf of people."""

from esign_identity.api.login import LoginApi, Logins
from esign_identity.api.personal_data import PersonalDataApi
from esign_identity.api.verifying import Verifying, VerifyingApi
from esign_identity.app.personal_data import PersonalData


class PortalApi(LoginApi, VerifyingApi, PersonalDataApi):
    """Logins and sessions, verifications and face checks, personal data."""

    def __init__(self, logins: Logins, verifying: Verifying, data: PersonalData) -> None:
        LoginApi.__init__(self, logins)
        VerifyingApi.__init__(self, verifying)
        PersonalDataApi.__init__(self, data)
