"""The notifier: tells people, by SMS and e-mail, and remembers what was told to whom."""

from datetime import timedelta
from functools import partial

from esign.notifier.v1 import notifier_pb2_grpc
from esign_kit.crypto import FieldCipher
from esign_kit.service import App, run

from esign_notifier.adapters.contacts import IdentityContacts
from esign_notifier.adapters.mail import SmtpMail
from esign_notifier.adapters.sms import TencentSms
from esign_notifier.adapters.store import SqlAnnouncements, SqlCodeStore, SqlMessageStore
from esign_notifier.adapters.texts import Texts
from esign_notifier.api.events import ContractEvents
from esign_notifier.api.service import InternalApi
from esign_notifier.app.announce import Announce
from esign_notifier.app.deliver import Deliver
from esign_notifier.app.ports import Sender
from esign_notifier.app.send_code import SendCode
from esign_notifier.domain.messages import Channel, RetryPolicy
from esign_notifier.settings import NotifierSettings

MIGRATIONS = "esign_notifier.adapters.migrations"
RESOLVE_DEADLINE_SECONDS = 5.0


async def build(app: App[NotifierSettings]) -> None:
    """Composes the service."""
    settings, delivery = app.settings, app.settings.delivery
    cipher = FieldCipher.from_file(settings.field_keyring_file)
    sms = TencentSms(settings.sms, app.clock)
    app.on_close(sms.close)
    mail = SmtpMail(
        settings.smtp,
        Texts(settings.language, settings.portal_url, settings.smtp.from_name, settings.support),
        app.clock,
    )
    policy = RetryPolicy(
        max_attempts=delivery.max_attempts,
        first_delay=timedelta(seconds=delivery.first_delay_seconds),
        longest_delay=timedelta(seconds=delivery.longest_delay_seconds),
        uncertain_for=timedelta(seconds=delivery.uncertain_for_seconds),
    )

    send_code = SendCode(
        SqlCodeStore(app.db, app.clock),
        sms,
        digest=lambda message_id, text: cipher.blind_index(text, f"code {message_id}"),
        lease=timedelta(seconds=2 * settings.sms.deadline_seconds + 5),
    )
    app.serve(notifier_pb2_grpc.add_InternalServiceServicer_to_server, InternalApi(send_code))
    events = ContractEvents(Announce(), lambda session, meta: SqlAnnouncements(session, app.clock(), meta.traceparent))
    app.consume(handlers=events.handlers())

    store = SqlMessageStore(app.db, app.clock)
    contacts = IdentityContacts(app.channel("identity"), RESOLVE_DEADLINE_SECONDS)
    # One loop per channel: a provider that is down holds back no other.
    senders: dict[Channel, tuple[Sender, int]] = {
        Channel.SMS: (sms, settings.sms.concurrency),
        Channel.EMAIL: (mail, settings.smtp.concurrency),
    }
    for channel, (sender, concurrency) in senders.items():
        deliver = Deliver(
            channel,
            store,
            contacts,
            sender,
            policy,
            app.clock,
            lease=timedelta(seconds=delivery.lease_seconds),
            batch=concurrency,
        )
        app.background(f"delivery by {channel}", partial(deliver.run, delivery.poll_seconds))


def main() -> None:
    """The process."""
    run(NotifierSettings, build, migrations=MIGRATIONS)


if __name__ == "__main__":
    main()
