"""A real HTTP server as the trial's endpoint."""

import math
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics_collector import prometheus
from metrics_collector.exposition import Selector, samples, selector

PAGE = """# HELP loss The loss.
# TYPE loss gauge
loss 0.5
acc{split="train"} 0.9 1700000000000
acc{split="val",fold="1"} 0.8
acc{split="val",fold="2"} 0.7
bad NaN
worse +Inf
odd{text="a \\"quoted\\" } brace"} 3
none one
"""


class Endpoint:
    """A server whose page can be changed, and that can refuse or hang."""

    def __init__(self):
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                endpoint.asked.append(self.path)
                if endpoint.hang:
                    endpoint.closing.wait(10)
                    return
                body = endpoint.page.encode()
                self.send_response(endpoint.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.page, self.status, self.hang = PAGE, 200, False
        self.asked = []
        self.closing = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def endpoint():
    endpoint = Endpoint()
    yield endpoint
    endpoint.close()


@pytest.fixture
def opened(monkeypatch):
    monkeypatch.setattr(prometheus, "INTERVAL", 0.01)
    sources = []

    def scrape(endpoint, *metrics, clock=time.time, path="/metrics"):
        source = prometheus.PrometheusSource(
            host="127.0.0.1", port=endpoint.port, path=path, metrics=metrics, clock=clock
        )
        sources.append(source)
        return source

    yield scrape
    for source in sources:
        source.close()


def eventually(condition):
    deadline = time.monotonic() + 20
    while not (found := condition()):
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(0.005)
    return found


def test_values_are_scraped_and_only_changes_are_points(endpoint, opened):
    source = opened(endpoint, "loss", 'acc{split="val"}', "acc", clock=lambda: 1700000000.25)
    found = eventually(source.poll)
    assert {p.metric: p.value for p in found} == {"loss": 0.5, 'acc{split="val"}': 0.8, "acc": 0.9}
    assert {(p.seq, p.time) for p in found} == {(1700000000250, 1700000000.25)}
    asked = len(endpoint.asked)
    eventually(lambda: len(endpoint.asked) > asked + 2)
    assert source.poll() == []
    endpoint.page = "loss 0.25\n"
    [point] = eventually(source.poll)
    assert (point.metric, point.value, point.text) == ("loss", 0.25, "0.25")
    assert point.seq > 1700000000250, "sequence numbers grow though the clock stands"
    assert set(endpoint.asked) == {"/metrics"}


def test_values_that_are_not_finite_or_no_numbers(endpoint, opened):
    source = opened(endpoint, "bad", "worse", "none")
    found = {p.metric: p for p in eventually(source.poll)}
    assert math.isnan(found["bad"].value)
    assert found["worse"].value == math.inf
    assert (found["none"].value, found["none"].text) == (None, "one")
    assert {"loss", 'acc{split="train"}'} <= set(source.seen)


def test_an_endpoint_that_does_not_answer_gives_no_points_and_the_reason(opened):
    endpoint = Endpoint()
    endpoint.close()
    source = opened(endpoint, "loss")
    eventually(lambda: "refused" in source.describe())
    assert source.drain() == []


def test_an_endpoint_that_fails_and_recovers(endpoint, opened):
    endpoint.status = 503
    source = opened(endpoint, "loss")
    eventually(lambda: "HTTP 503" in source.describe())
    assert source.poll() == []
    endpoint.status = 200
    assert [p.value for p in eventually(source.poll)] == [0.5]
    eventually(lambda: "no answer" not in source.describe())


def test_an_endpoint_that_hangs_holds_nobody_up(endpoint, opened, monkeypatch):
    monkeypatch.setattr(prometheus, "TIMEOUT", 0.2)
    endpoint.hang = True
    source = opened(endpoint, "loss")
    assert source.poll() == []
    eventually(lambda: "timed out" in source.describe())
    assert source.drain() == []


def test_a_proxy_in_the_environment_is_not_asked(endpoint, opened, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert eventually(opened(endpoint, "loss").poll)


def test_what_was_scraped_is_drained(endpoint, opened):
    source = opened(endpoint, "loss")
    eventually(lambda: len(endpoint.asked) > 2)
    assert [p.value for p in source.drain()] == [0.5]
    assert source.drain() == []


def test_the_page():
    found = [(s.full_name, s.text) for s in samples(PAGE)]
    assert found == [
        ("loss", "0.5"),
        ('acc{split="train"}', "0.9"),
        ('acc{split="val",fold="1"}', "0.8"),
        ('acc{split="val",fold="2"}', "0.7"),
        ("bad", "NaN"),
        ("worse", "+Inf"),
        ('odd{text="a \\"quoted\\" } brace"}', "3"),
        ("none", "one"),
    ]


@pytest.mark.parametrize(
    ("metric", "wanted"),
    [
        ("loss", Selector(name="loss", labels={})),
        ('loss{a="1"}', Selector(name="loss", labels={"a": "1"})),
        ('loss{ a="1", b="2", }', Selector(name="loss", labels={"a": "1", "b": "2"})),
        ("loss{a", Selector(name="loss{a", labels={})),
    ],
)
def test_a_metrics_name_is_a_selector(metric, wanted):
    assert selector(metric) == wanted


@given(st.text(alphabet='ab{}="\\,# 1\n', max_size=100))
def test_no_page_raises(page):
    for sample in samples(page):
        assert selector(sample.full_name).selects(sample)
