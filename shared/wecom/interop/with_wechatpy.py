"""Random messages to and from wechatpy, the most used Python library."""

import json
import os
import random
import string
import subprocess
import sys

import xmltodict
from wechatpy.enterprise.crypto import WeChatCrypto

ROUNDS = 300
LETTERS = string.ascii_letters + string.digits
# No control characters: wechatpy passes its answers through XML.
TEXTS = ["a", "<", "&", "\n", "é", "你", "好", "𝄞", "😀", "]]>"]


def letters(length):
    return "".join(random.choice(LETTERS) for _ in range(length))


def text(size):
    made = ""
    while len(made.encode()) < size:
        made += random.choice(TEXTS)
    return made


def ask(requests):
    lines = "\n".join(json.dumps(request) for request in requests)
    run = subprocess.run([os.environ["INTEROP_BINARY"]], input=lines, capture_output=True, encoding="utf-8", check=True)
    return [json.loads(line) for line in run.stdout.rstrip("\n").split("\n")]


def peer(case):
    return WeChatCrypto(case["token"], case["key"], case["receive_id"])


def seal_there(case):
    sealed = xmltodict.parse(peer(case).encrypt_message(case["message"], case["nonce"], case["timestamp"]))["xml"]
    return {**case, "op": "open", "encrypt": sealed["Encrypt"], "signature": sealed["MsgSignature"]}


def open_there(case, answer):
    body = f"<xml><Encrypt><![CDATA[{answer['encrypt']}]]></Encrypt></xml>"
    return peer(case).decrypt_message(body, answer["signature"], case["timestamp"], case["nonce"])


cases = [
    {
        "token": letters(random.randint(1, 32)),
        "key": letters(43),
        "receive_id": "ww" + letters(16),
        "message": text(at if at < 70 else random.randint(0, 2000)),
        "timestamp": str(1700000000 + at),
        "nonce": letters(10),
    }
    for at in range(ROUNDS)
]

wrong = 0
for case, answer in zip(cases, ask([seal_there(case) for case in cases]), strict=True):
    if answer.get("message") != case["message"]:
        wrong += 1
        print(f"not opened here: {answer.get('error')}", file=sys.stderr)
for case, answer in zip(cases, ask([{**case, "op": "seal"} for case in cases]), strict=True):
    opened = open_there(case, answer)
    if (opened.decode() if isinstance(opened, bytes) else opened) != case["message"]:
        wrong += 1
        print("not opened there", file=sys.stderr)

print(f"wechatpy: {ROUNDS} messages each way, {wrong} mismatches")
sys.exit(1 if wrong else 0)
