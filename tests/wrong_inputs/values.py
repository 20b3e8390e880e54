"""Values of flags that every command must refuse, and what it needs besides them."""

# What each command needs so that it gets as far as the wrong part; {x} are files of `write_files`.
BASE = {
    "nas-search": "--data {photos} --image-size 16 --budget 2 --workers 1 --out {out}",
    "nas-train": "--data {photos} --arch {arch} --recipe small --dry-run --out {out}",
    "nas-scale": "--from {arch} --out {out}/L.json",
    "nas-time": "--arch {arch} --image-size 16",
    "nas-report": "",
    "nas-predict": "--model {model} --device cpu {photo}",
    "nas-export": "--model {model} --to safetensors --out {out}",
    "nas-evaluate": "--model {model} --device cpu --data {photos} --out {out}/evaluation",
}
FlagValues = dict[str, dict[str, tuple[str, ...]]]
NOT_WHOLE = ("x", "", "1.5", "nan", "1e3", "--", "0x10")
NOT_A_NUMBER = ("x", "", "nan", "inf", "-inf", "1,5", "1_")
WHOLE_FLAGS: FlagValues = {  # with values that are whole and out of range
    "nas-search": {
        "--budget": ("0", "-1"),
        "--epochs": ("0", "-3"),
        "--image-size": ("7", "0"),
        "--batch-size": ("1", "-8"),
        "--workers": ("0", "100000"),
        "--seed": ("-1",),
        "--max-failures": ("-1",),
    },
    "nas-train": {
        "--batch-size": ("1", "0"),
        "--seed": ("-1",),
        "--workers": ("0",),
        "--threads": ("0",),
    },
    "nas-time": {"--batch-size": ("1",), "--repeats": ("2",), "--num-classes": ("1",)},
    "nas-scale": {"--num-classes": ("1",), "--image-size": ("7",), "--size-multiple": ("0",)},
    "nas-predict": {
        "--top-k": ("0", "-1"),
        "--batch-size": ("0",),
        "--image-size": ("7", "20000"),
        "--threads": ("0",),
    },
    "nas-export": {"--image-size": ("7", "-1", "1000000000000")},
    "nas-evaluate": {
        "--batch-size": ("0", "-1"),
        "--image-size": ("7", "20000", "16,", "16,7", "16;24", ","),
        "--threads": ("0",),
    },
}
NUMBER_FLAGS: FlagValues = {
    "nas-search": {
        "--w": ("0.1",),
        "--v": ("1",),
        "--learning-rate": ("0", "-0.1"),
        "--gpus-per-worker": ("-1", "1.5"),
        "--holdout": ("0", "-0.5", "1.0", "100000"),
    },
    "nas-train": {"--epochs": ("0", "-1")},
    "nas-scale": {"--alpha": ("-5", "0"), "--depth": ("0", "-1"), "--target-params": ("0", "-1M")},
    "nas-evaluate": {"--skip-damaged": ("1", "-0.1")},
}
TEXT_FLAGS: FlagValues = {
    "nas-search": {
        "--data": ("", "no-such-folder", "a/b/c", "digit", "{empty}", "{text}", "{arch}"),
        "--space": ("", "tini", "{missing}.yaml", "{arch}", "{empty}", "{binary}.yaml"),
        "--sampler": ("", "evolutoin", "TPE"),
        "--sampler-option": ("population", "=20", "population=", "populaton=20", "population=x"),
        "--constraint": ("", "params", "params < ", "params > 3M", "parms < 3M", "params < -1"),
        "--fidelity": ("half",),
        "--fit": ("stretch",),
        "--start-from": ("", "efficientnetv2-xs", "{text}", "{missing}"),
        "--step-time-table": ("{missing}", "{arch}", "{binary}.yaml"),
        "--config": ("{missing}", "{empty}", "{text}", "{binary}.yaml", "{photos}"),
        "--time-budget": ("", "1 fortnight", "-1h", "h"),
        "--candidate-timeout": ("soon", "-3x", "0"),
        "--worker-memory": ("4", "much", "-1GB"),
        "--name": ("", ".", "..", "a/b"),
        "--mirror": ("", "sqlite://", "no-such-scheme://x", "{photos}"),
        "--address": ("nowhere", "localhost:99999", "127.0.0.1:1"),
        "--group-column": (),
    },
    "nas-train": {
        "--data": ("", "{empty}", "{text}", "{one_class}", "{damaged}", "{labels_without_files}"),
        "--arch": ("", "efficientnet-v2-s", "{missing}", "{empty}", "{text}", "{photos}"),
        "--recipe": ("", "progresive", "{missing}.yaml", "{text}", "{binary}.yaml", "{empty}"),
        "--init-from": ("{missing}", "{text}", "{arch}", "{empty}"),
        "--device": ("gpu", "cuda:99", "tpu", ""),
        "--precision": ("fp8",),
        "--gpus-per-worker": ("2", "1"),
        "--name": ("", "..", "a/b"),
    },
    "nas-scale": {
        "--from": ("", "efficientnetv2-xs", "{missing}", "{empty}", "{text}", "{photos}"),
        "--target": ("", "XXL", "m "),
        "--as": ("XXS",),
        "--out": ("{missing}/a/b.json", "{photos}", "{arch}"),
        "--recipe": ("small",),
    },
    "nas-time": {
        "--arch": ("", "efficientnetv2-xs", "{missing}", "{empty}", "{text}"),
        "--device": ("gpu", "cuda:99"),
        "--optimizer": ("adam",),
    },
    "nas-predict": {
        "--model": ("", "{missing}", "{empty}", "{photos}", "{arch}", "{text}", "{photo}"),
        "--device": ("gpu", "cuda:99", ""),
        "--precision": ("fp8", "fp16"),
        "--weights": ("best",),
        "--format": ("xml", ""),
        "--output": ("{empty}", "{missing}/a.csv", "{out}/a.xlsx", "{out}/a"),
    },
    "nas-evaluate": {
        "--model": ("", "{missing}", "{empty}", "{photos}", "{arch}", "{text}", "{photo}"),
        "--data": ("", "{empty}", "{text}", "{one_class}", "{damaged}", "{missing}", "digits"),
        "--split": ("", "test", "validation", "holdout", "minival"),
        "--device": ("gpu", "cuda:99", ""),
        "--precision": ("fp8", "fp16"),
        "--weights": ("best",),
        "--out": ("{text}", "{text}/a"),
    },
    "nas-report": {"--run": ("", "{missing}", "{empty}", "{photos}", "{arch}", "{text}")},
    "nas-export": {
        "--model": ("", "{missing}", "{empty}", "{photos}", "{arch}", "{text}", "{binary}.yaml"),
        "--to": ("", "onx", "onnx,", ",", "ONNX", "onnx torch-export", "{arch}"),
        "--out": ("{missing}/a.safetensors", "{text}", "{out}/a.onnx", "{text}/a"),
        "--weights": ("", "mean", "EMA"),
    },
}
CONTRADICTIONS = {
    "nas-search": (
        "--fidelity progressive --executor tune",
        "--reweigh -0.1 -0.1 --proxy-check 4",
        "--proxy-check 3",
        "--reweigh 1",
        "--no-such-flag",
        "positional",
    ),
    "nas-train": ("--workers 3 --batch-size 32", "--workers 2 --device cuda:0", "--budget 3"),
    "nas-scale": ("--target-params 5M --target-macs 1G", "--batch-size 32", "--target L --family"),
    "nas-time": ("--space tiny", "--arch"),
    "nas-predict": (
        "{missing}",
        "{empty}",
        "{model} {missing}",
        "{labels_without_files}",
        "{table}",
        "--data {photos}",
        "--split test",
        "--json --format csv",
        "--no-such-flag",
        "digits",
    ),
    "nas-evaluate": (
        "--fit pad",
        "--group-column group",
        "--seed 1",
        "{photos}",
        "--no-such-flag",
    ),
    "nas-report": ("", "--png x.png", "run"),
    "nas-export": (
        "--to safetensors,torch-export --out {out}/a.safetensors",
        "--push-to",
        "positional",
    ),
}
