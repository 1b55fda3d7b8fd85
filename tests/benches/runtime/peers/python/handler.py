"""The callback as a team would write it in Python: wechatpy opens the message, boto3 stores it.

It does what the bundle's callback does: verify the signature, decrypt, check the receiver, parse the message, store it
once under a hash of its fields, answer 200. Client and crypto are made once, outside of the handler.
"""

import base64
import hashlib
import json
import logging
import os
import time

import boto3
import xmltodict
from botocore.exceptions import ClientError
from wechatpy.enterprise.crypto import WeChatCrypto
from wechatpy.enterprise.exceptions import InvalidCorpIdException
from wechatpy.exceptions import InvalidSignatureException

CORP = os.environ["WECOM_CORP_ID"]
APP = os.environ["WECOM_APP"]
TABLE = os.environ["INBOX_TABLE"]
PATH = f"/callback/{CORP}/{APP}"
KEPT_SECONDS = 180 * 86_400
# Events that are not in the index of what is left to the scheduled sync.
ADDS = ("add_external_contact", "add_half_external_contact")

logger = logging.getLogger()
logger.setLevel(logging.INFO)
crypto = WeChatCrypto(os.environ["WECOM_TOKEN"], os.environ["WECOM_ENCODING_AES_KEY"], CORP)
dynamodb = boto3.client("dynamodb")


def handler(event, context):
    if event["rawPath"] != PATH:
        return {"statusCode": 404}
    query = event["queryStringParameters"]
    body = event["body"]
    if event["isBase64Encoded"]:
        body = base64.b64decode(body)
    try:
        message = crypto.decrypt_message(
            body, query["msg_signature"], query["timestamp"], query["nonce"]
        )
    except InvalidSignatureException:
        return {"statusCode": 403}
    except (InvalidCorpIdException, KeyError, ValueError):
        return {"statusCode": 400}
    fields = xmltodict.parse(message)["xml"]
    code = fields.pop("WelcomeCode", None)
    item = item_of(fields, code)
    known = False
    try:
        dynamodb.put_item(
            TableName=TABLE, Item=item, ConditionExpression="attribute_not_exists(id)"
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            logger.exception("could not store an event")
            return {"statusCode": 503}
        known = True
    logger.info("stored event %s, known before: %s", item["id"]["S"], known)
    return {"statusCode": 200, "body": ""}


def item_of(fields, code):
    """The attributes and the keys of the indexes are those of the bundle, so that both writes cost the same."""
    text = json.dumps(sorted(fields.items()), ensure_ascii=False)
    event_id = hashlib.sha256(json.dumps([CORP, APP, text]).encode()).hexdigest()
    received = time.time_ns() // 1_000_000
    created = int(fields["CreateTime"])
    item = {
        "id": {"S": event_id},
        "corp": {"S": CORP},
        "app": {"S": APP},
        "name": {"S": fields.get("ChangeType") or fields["Event"]},
        "created_at": {"N": str(created)},
        "received_at_ms": {"N": str(received)},
        "fields": {"S": text},
        "expires_at": {"N": str(received // 1000 + KEPT_SECONDS)},
    }
    if "ExternalUserID" in fields:
        item["contact"] = {"S": f"{CORP}#{fields['ExternalUserID']}"}
        item["contact_sort"] = {"S": f"{created:010}#{received:013}#{event_id}"}
    if item["name"]["S"] not in ADDS:
        item["work"] = {"S": CORP}
        item["work_sort"] = {"S": f"{received:013}#{event_id}"}
    if code:
        item["welcome_code"] = {"S": code}
    return item
