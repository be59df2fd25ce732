"""
Print template.yaml as CloudFormation gets it, in JSON: for linters, which see roles so.

    .venv/bin/python infra/plain_template.py > dist/template.json
"""

import json
import sys
from pathlib import Path

from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from crawlset_local import emulator, template

ROOT = Path(__file__).parents[1]
CODE = "s3://bucket/key"


def main() -> None:
    serverless = template.load(ROOT / "template.yaml")
    for resource in serverless["Resources"].values():
        properties = resource.get("Properties", {})
        for name in ("CodeUri", "ContentUri", "DefinitionUri"):
            if name in properties:
                properties[name] = CODE
    translator = Translator(None, Parser(), boto_session=emulator.session())
    plain = translator.translate(serverless, template.defaults(serverless))
    json.dump(plain, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
