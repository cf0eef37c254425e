"""What every store must do: `katib.stores.contract`, as tests.

    class TestMyStore(StoreSuite):
        __test__ = True
        abilities = StoreAbilities(shared_between_handles=True)

        @pytest.fixture
        def open_again(self): ...  # a function that opens the store, empty at first; each call is another handle on it

A store that cannot be shared gives the same object at every call, and says so in its abilities.
"""

from katib.testing.stores.base import StoreAbilities, StoreCases, emptied
from katib.testing.stores.desk import DeskCases
from katib.testing.stores.log import LogCases
from katib.testing.stores.machine import StoreMachine
from katib.testing.stores.metadata import MetadataCases, RemovalCases
from katib.testing.stores.sharing import SharingCases
from katib.testing.stores.studies import StudyCases
from katib.testing.stores.trials import CommitCases, TrialCases

__all__ = ["StoreAbilities", "StoreCases", "StoreMachine", "StoreSuite", "emptied"]


class StoreSuite(StudyCases, TrialCases, CommitCases, LogCases, MetadataCases, RemovalCases, DeskCases, SharingCases):
    """See the module's text."""

    __test__ = False
