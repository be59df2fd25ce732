"""AWS by moto, empty when a block begins."""

from moto import mock_aws
from moto.core.models import MockAWS


def mocked_aws() -> MockAWS:
    """
    `mock_aws` with the session of boto3 that is there.

    A session of its own would read the descriptions of AWS's services anew, 100 ms for each test.
    """
    return mock_aws(config={"core": {"mock_credentials": False, "reset_boto3_session": False}})
