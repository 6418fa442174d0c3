"""LocalStack's own entry, with what no setting of it reaches: it is kept to the loopback and to its own folder."""

import os

from twisted.internet import endpoints

listen = endpoints.TCP4ServerEndpoint.__init__


def listen_on_loopback(self, reactor, port, backlog=50, interface="127.0.0.1"):
    """LocalStack reads a host in GATEWAY_LISTEN, and listens on every interface all the same."""
    listen(self, reactor, port, backlog, interface)


endpoints.TCP4ServerEndpoint.__init__ = listen_on_loopback

from localstack.services.s3.storage import ephemeral  # noqa: E402

create_store = ephemeral.EphemeralS3ObjectStore.__init__


def create_store_in_own_folder(self, root_directory=None):
    """Larger objects would lie in one folder of /tmp for every LocalStack, and stay there."""
    create_store(self, os.path.join(os.environ["FILESYSTEM_ROOT"], "s3"))


ephemeral.EphemeralS3ObjectStore.__init__ = create_store_in_own_folder

from localstack.runtime.main import main  # noqa: E402

main()
