#!/usr/bin/env python3
"""What `postern learn` keeps: a run that is killed has not happened, a store that is broken is set aside, and one that is lost does not
cost the model."""
import random
import signal
import subprocess

from harness import main, wait_until
from learning import ENOUGH, HAM, SPAM, LearnCase


class LearnStore(LearnCase):
    def test_killed_between_the_store_and_the_model(self):
        """What a SIGKILL at that moment leaves is put together from the files before and after: the store of the second run, and
        its model beside that of the first. Whoever comes next finds the model that belongs to the store."""
        gateway = self.gateway(start=False)
        self.learn_enough(gateway)
        first = (self.directory / "learned.db").read_bytes(), self.model().read_bytes()
        self.learn(gateway, "--forget", "--spam", self.some(SPAM, 0, 60))
        second = (self.directory / "learned.db").read_bytes(), self.model().read_bytes()
        self.assertNotEqual(first[1], second[1])
        beside = self.directory / "model.2"

        def left(store, model):
            (self.directory / "learned.db").write_bytes(store)
            self.model().write_bytes(model)
            beside.write_bytes(second[1])
            (self.directory / "model.3.Xy1aB2").write_bytes(b"half of one")

        # A gateway that runs, and one that starts, behind the commit and before it.
        left(second[0], first[1])
        gateway.serve()
        wait_until("the model in its place", lambda: "learned from" in gateway.log())
        self.assertEqual(self.model().read_bytes(), second[1])
        left(second[0], first[1])
        gateway.reload()
        wait_until("the model in its place", lambda: not beside.exists())
        self.assertEqual(self.model().read_bytes(), second[1])
        left(first[0], first[1])
        gateway.reload()
        wait_until("the rest to be taken away", lambda: not beside.exists())
        self.assertEqual(self.model().read_bytes(), first[1])
        # A run of learn that finds nothing new.
        left(second[0], first[1])
        self.learn(gateway, "--forget", "--spam", self.some(SPAM, 0, 60))
        self.assertNotEqual(self.model().read_bytes(), first[1])
        self.assertEqual(sorted(path.name for path in self.directory.iterdir()), ["learned.db", "model"])

    def test_killed_at_any_moment(self):
        """SIGKILL while it reads, stores, trains, writes: the model is the old one or the new one, and what was learned is too."""
        gateway = self.gateway(start=False)
        self.learn_enough(gateway)
        source = random.Random(11)
        arguments = [str(gateway.binary), "learn", "--config", str(gateway.config_path), "--ham", str(self.some(HAM, ENOUGH, ENOUGH + 120)),
                     "--spam", str(self.some(SPAM, ENOUGH, ENOUGH + 120))]
        killed = 0
        for _ in range(12):
            child = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                child.wait(timeout=source.random() * 1.5)
            except subprocess.TimeoutExpired:
                child.send_signal(signal.SIGKILL)
                killed += 1
            child.wait()
            self.assertTrue(self.scan(gateway, self.mail[SPAM][0])[0]["classifier"]["ready"], "a whole model is there")
        self.assertGreater(killed, 0)
        said = self.learn(gateway, *arguments[4:])
        self.assertNotIn("set aside", said)
        self.assertEqual(sorted(path.name for path in self.directory.iterdir()), ["learned.db", "model"])

    def test_what_is_no_store_is_set_aside(self):
        gateway = self.gateway(start=False)
        self.learn(gateway, "--ham", self.some(HAM, 0, 5))
        (self.directory / "learned.db").write_bytes(b"From ann@sender.example Mon Mar  2 10:00:00 2026\n" * 200)
        result = gateway.run("learn", "--ham", self.some(HAM, 0, 5))
        self.assertEqual(result.returncode, 0)
        self.assertIn("set aside as", result.stderr.decode())
        self.assertEqual(len(list(self.directory.glob("learned.db.bad-*"))), 1)
        self.assertIn("0 spam; too few", result.stdout.decode())

    def test_a_lost_store_does_not_cost_the_model(self):
        gateway = self.gateway()
        self.learn_enough(gateway)
        wait_until("the model to be taken", lambda: "learned from" in gateway.log())
        whole = self.model().read_bytes()
        few = ("--ham", self.some(HAM, 300, 320), "--spam", self.some(SPAM, 300, 320))
        ways = {"damaged": lambda: (self.directory / "learned.db").write_bytes(b"\xff" * 20000),
                "deleted": (self.directory / "learned.db").unlink}
        for name, lose in ways.items():
            with self.subTest(name):
                lose()
                for arguments in (few, few, ("--forget", *few[:2])):  # nor does a second try, with a store that is whole and empty
                    result = gateway.run("learn", *arguments)
                    self.assertEqual((result.returncode, result.stdout), (1, b""))
                    self.assertRegex(result.stderr.decode(), r"model was made of 2\d\d ham and 2\d\d spam, of which \S+learned\.db does not know any more; "
                                                             r"with what is given there would be \d+ ham and \d+ spam\. Nothing is changed.*what there is now with --fresh")
                    self.assertEqual(self.model().read_bytes(), whole)
        self.assertEqual(sorted(path.name for path in self.directory.iterdir() if ".bad-" not in path.name), ["learned.db", "model"])
        self.assertEqual(gateway.reload(), "ok")
        self.assertGreaterEqual(gateway.metric("postern_classifier_learned", kind=SPAM), 200, "the gateway goes on with it")
        # All of it in one run is as good as before, and from then on a little is learned as ever.
        self.assertNotIn("too few", self.learn_enough(gateway))
        self.learn(gateway, *few)
        (self.directory / "learned.db").unlink()
        self.assertIn("; too few", self.learn(gateway, "--fresh", *few))
        self.learn(gateway, "--ham", self.some(HAM, 330, 340))


if __name__ == "__main__":
    main()
