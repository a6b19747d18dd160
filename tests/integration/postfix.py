"""A real Postfix of our own behind Postern: private configuration, queue and mailboxes; its main.cf and master.cf lines are
those that deploy/postfix tells an admin to add."""
import os
import pwd
import signal

from harness import ROOT, free_port, listens, wait_until

SERVICES = """
cleanup   unix  n  -  n  -  0  cleanup
qmgr      unix  n  -  n  300  1  qmgr
rewrite   unix  -  -  n  -  -  trivial-rewrite
bounce    unix  -  -  n  -  0  bounce
defer     unix  -  -  n  -  0  bounce
trace     unix  -  -  n  -  0  bounce
verify    unix  -  -  n  -  1  verify
flush     unix  n  -  n  1000?  0  flush
proxymap  unix  -  -  n  -  -  proxymap
error     unix  -  -  n  -  -  error
retry     unix  -  -  n  -  -  error
discard   unix  -  -  n  -  -  discard
virtual   unix  -  n  n  -  -  virtual
anvil     unix  -  -  n  -  1  anvil
postlog   unix-dgram  n  -  n  -  1  postlogd
"""


class Postfix:
    def __init__(self, case, users=("bob",), domain="example.org"):
        case.need("postfix")
        if os.geteuid() != 0:
            case.skipTest("Postfix can be started by root only")
        self.case, self.port = case, free_port()
        self.folder = case.folder / "postfix"
        self.config, self.queue = self.folder / "etc", self.folder / "queue"
        self.mail, self.log_path = self.folder / "mail", self.folder / "maillog.log"
        for folder in (self.config, self.queue, self.folder / "data", self.mail):
            folder.mkdir(parents=True)
        account = pwd.getpwnam("postfix")
        os.chown(self.folder / "data", account.pw_uid, account.pw_gid)
        os.chown(self.mail, account.pw_uid, account.pw_gid)
        (self.config / "users").write_text("".join(f"{u}@{domain} {u}/\n" for u in users))
        (self.config / "main.cf").write_text(f"""
compatibility_level = 3.6
queue_directory = {self.queue}
data_directory = {self.folder}/data
maillog_file = {self.log_path}
maillog_file_prefixes = {self.folder}
myhostname = mail.example.org
mydestination =
inet_interfaces = loopback-only
inet_protocols = all
mynetworks_style = host
disable_dns_lookups = yes
smtpd_peername_lookup = no
alias_maps =
local_recipient_maps =
local_transport = error:no local mail here
default_transport = error:nothing leaves this test
virtual_mailbox_domains = {domain}
virtual_mailbox_maps = texthash:{self.config}/users
virtual_mailbox_base = {self.mail}
virtual_minimum_uid = 1
virtual_uid_maps = static:{account.pw_uid}
virtual_gid_maps = static:{account.pw_gid}
""" + (ROOT / "deploy/postfix/main.cf.postern").read_text())
        ours = (ROOT / "deploy/postfix/master.cf.postern").read_text()
        assert "127.0.0.1:10025 " in ours
        (self.config / "master.cf").write_text(SERVICES + ours.replace("127.0.0.1:10025 ", f"127.0.0.1:{self.port} "))
        self.process = None
        case.addCleanup(self.stop)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def start(self):
        # start-fg keeps the script in the foreground of a session of its own, and master under it.
        self.process = self.case.start("postfix", [self.case.need("postfix"), "-c", self.config, "start-fg"],
                                       start_new_session=True)
        self.process.ready("answers", lambda: listens(self.port))
        return self

    def stop(self):
        """Ends master by the pid it wrote down; its children end with it."""
        if self.process is None:
            return
        try:
            os.kill(int((self.queue / "pid/master.pid").read_text()), signal.SIGTERM)
        except (OSError, ValueError):
            pass
        self.process.stop()
        wait_until("Postfix' end", lambda: not listens(self.port))
        self.process = None

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def mailbox(self, user="bob"):
        """The messages in a mailbox, as bytes."""
        folder = self.mail / user / "new"
        return [p.read_bytes() for p in sorted(folder.iterdir())] if folder.exists() else []

    def wait_for_mail(self, count=1, user="bob"):
        return wait_until(f"{count} messages for {user}", lambda: len(m := self.mailbox(user)) >= count and m)
