"""
Print what SAM's own reader makes of a template and its variables; runs in SAM's environment.

`sam local` asks for docker before it reads anything, so its parts are asked: they are those of the
version that infra/tools pins.
"""

import json
import sys
from pathlib import Path

from samcli.commands.local.lib.local_lambda import LocalLambdaRunner
from samcli.lib.providers.api_provider import ApiProvider
from samcli.lib.providers.sam_function_provider import SamFunctionProvider
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider


def main() -> None:
    folder = Path(sys.argv[1])
    stacks, _ = SamLocalStackProvider.get_stacks(str(folder / "template.json"))
    functions = SamFunctionProvider(stacks, use_raw_codeuri=True)
    runner = LocalLambdaRunner(
        local_runtime=None,
        function_provider=functions,
        cwd=str(folder),
        real_path=str(folder),
        env_vars_values=json.loads((folder / "env.json").read_text()),
        debug_context=None,
    )
    runner.get_aws_creds = dict
    invoked = {one.name: runner.get_invoke_config(one) for one in functions.get_all()}
    routes = ApiProvider(stacks, cwd=str(folder)).api.routes
    print(
        json.dumps(
            {
                "variables": {name: one.env_vars.resolve() for name, one in invoked.items()},
                "code": {name: one.code_abs_path for name, one in invoked.items()},
                "layers": {
                    name: [layer.codeuri for layer in one.layers] for name, one in invoked.items()
                },
                "routes": [[route.path, route.function_name] for route in routes],
            }
        )
    )


if __name__ == "__main__":
    main()
