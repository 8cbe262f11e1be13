"""LocalStack keeps objects at a fixed place below /tmp; here they are in its own folder, which goes with it."""

import os

from localstack.runtime import hooks


@hooks.on_infra_start()
def keep_objects_in_own_folder():
    from localstack import config
    from localstack.services.s3 import provider

    provider.DEFAULT_S3_TMP_DIR = os.path.join(config.dirs.tmp, "objects")
