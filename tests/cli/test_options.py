"""Every option of every command refuses nonsense, and leaves the disk as it was."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from .calls import GROUP, Call, check_sentence, everything

READING = """
        --size big                     | size must be height and width in pixels from 1 to
        --size 0x28                    | for example 32 or 28x32, got '0x28'
        --mode cmyk                    | '--mode': must be one of grey, rgb, got 'cmyk'
        --background nowhere           | background must be a colour such as white, black or #ff8800
        --max-bad 2                    | max_bad must be a share between 0 and 1, got 2.0
        --max-bad few                  | '--max-bad': must be a number, got 'few'
        --shape 28x28x2                | for example 28x28 or 32x32x3, got '28x28x2'
        --labels names.csv             | has no column 'names.csv' of labels, and there is no
"""
NONSENSE = {
    "run": """
        --output ''                    | an empty path was given
        --output data                  | is not empty and not an atlas (it holds t10k-images
        --output m.safetensors         | is a file where a directory is needed
        --output data/train-images-idx3-ubyte/atlas | is a file where a directory is needed
        --latent-dims ''               | --latent-dims takes whole numbers of at least 1
        --latent-dims 2,,5             | got '2,,5'
        --latent-dims 2.5              | got '2.5'
        --latent-dims 0                | got '0'
        --latent-dims=-2               | got '-2'
        --latent-dims two              | got 'two'
        --latent-dims 2,2              | names a size twice: 2, 2
        --latent-dims 785              | more than the 784 pixels of an image; choose at most 784
        --latent-dim ''                | --latent-dim takes 'auto' or a whole number of at least 1
        --latent-dim 0                 | got '0'
        --latent-dim best              | got 'best'
        --latent-dim 785               | choose at most 784
        --seeds 0                      | '--seeds': must be a whole number of at least 1, got '0'
        --seeds 1.5                    | got '1.5'
        --seeds many                   | got 'many'
        --seeds 4000000000             | at most 1,000, got 4,000,000,000
        --maps ''                      | --maps takes names with commas between them, got ''
        --maps pca,                    | got 'pca,'
        --maps pca,som                 | there is no map 'som'; choose from pca, lda, tsne, umap
        --maps direct                  | there is no map 'direct'
        --maps pca,pca                 | names a map twice: pca, pca
        --rows some                    | '--rows': must be one of test, train, all, got 'some'
        --perplexity 0                 | perplexity must be at least 1, as it is
        --perplexity 0.5               | effective number of neighbours, got 0.5
        --perplexity nan               | perplexity must be a finite number, got nan
        --perplexity wide              | '--perplexity': must be a number, got 'wide'
        --n-neighbors 1                | '--n-neighbors': must be a whole number of at least 2
        --n-neighbors 5.5              | got '5.5'
        --min-dist -1                  | min_dist must be at least 0, got -1
        --min-dist inf                 | min_dist must be a finite number, got inf
        --min-dist 2                   | min_dist must not exceed spread, got 2.0 and 1.0
        --min-dist near                | '--min-dist': must be a number, got 'near'
        --epochs 0                     | '--epochs': must be a whole number of at least 1, got '0'
        --epochs ten                   | got 'ten'
        --tolerance -0.1               | tolerance must be a number of 0 or more, got -0.1
        --tolerance nan                | tolerance must be a number of 0 or more, got nan
        --tolerance some               | '--tolerance': must be a number, got 'some'
        --seed -1                      | '--seed': must be a whole number from 0 to 4294967295
        --seed 4294967296              | got '4294967296'
        --seed 4294967295              | seeds must not exceed 4294967295, got 3 from 4294967295 on
        --device ''                    | device '' cannot be used here
        --device abacus                | device 'abacus' cannot be used here; try device='auto'
        --device meta                  | device 'meta' cannot be used here
        --engine steam                 | '--engine': must be one of auto, serial, processes
        --network vgg                  | there is no network 'vgg'; choose one of: reference
        --network nets.py:Pair         | there is no file nets.py, which 'nets.py:Pair' names
        --network no_such_module:Pair  | cannot be imported: ModuleNotFoundError
        --encoder enc.pt               | 'enc.pt' is no encoder that can be read: give an ONNX file
        --encoder enc.onnx             | there is no file enc.onnx; check the path
        --encoder nets.py:Pair         | there is no file nets.py
        --decoder dec.onnx             | --decoder is for an encoder from elsewhere; give --encoder
        --weights w.safetensors        | --weights is for an encoder from elsewhere
        --layout CHWN                  | '--layout': must be one of NCHW, NHWC, NHW, flat
        --scale big                    | '--scale': must be a number, got 'big'
        --encoder enc.onnx --scale 0   | scale must be positive numbers, got 0
        --mean 1,x                     | --mean takes numbers with commas between them, got '1,x'
        --std ''                       | --std takes numbers with commas between them, got ''
        --workers 0                    | '--workers': must be a whole number of at least 1, got '0'
        --workers all                  | got 'all'
        --workers 100000               | the number of workers must be at most 1,024, got 100,000
        --maps pca --perplexity 30     | --perplexity is a setting of tsne, which --maps does
        --maps tsne --min-dist 0.1     | --min-dist is a setting of umap, which --maps does
        --metric manhattan             | '--metric': must be one of euclidean, cosine, got
        --sample 50                    | '--sample': must be a whole number of at least 100
        --memory 0                     | memory must be a number of GB above 0, got 0
        --memory 0.01                  | would take about
        --memory much                  | '--memory': must be a number, got 'much'
        --key codes                    | data holds no embeddings: a file vectors.tsv, or
        --drop-nonfinite               | data holds no embeddings: a file vectors.tsv, or
        --workers 2 --engine serial    | the serial engine works alone, got 2 workers
        --nonsense                     | No such option: --nonsense
        --seeds                        | '--seeds' requires an argument
        data                           | extra argument
    """,
    "sweep": """
        --output ''                    | an empty path was given
        --output data                  | is not empty and not an atlas
        --latent-dims x                | --latent-dims takes whole numbers
        --seeds 0                      | '--seeds': must be
        --epochs 0                     | '--epochs': must be
        --network vgg                  | there is no network 'vgg'
        --tolerance inf                | tolerance must be a number of 0 or more, got inf
        --seed x                       | '--seed': must be
        --device abacus                | device 'abacus' cannot be used here
        --engine ''                    | '--engine': must be one of
        --workers -1                   | '--workers': must be
        --maps pca                     | No such option: --maps
    """,
    "train": """
        --output ''                    | an empty path was given
        --output data                  | data is a directory where a file is needed
        --output m.safetensors/m       | a part of the path m.safetensors is a file
        --output /dev/null             | /dev/null is not a regular file and stays as it is
        --latent-dim 0                 | '--latent-dim': must be a whole number of at least 1
        --latent-dim 2,5               | got '2,5'
        --latent-dim 785               | choose at most 784
        --epochs -1                    | '--epochs': must be
        --network vgg                  | there is no network 'vgg'
        --seed 4294967296              | '--seed': must be
        --device abacus                | device 'abacus' cannot be used here
        --threads 0                    | threads (n_jobs) must be a whole number from 1 to 1,024
        --threads 100000               | got 100000
        --threads all                  | '--threads': must be a whole number, got 'all'
    """,
    "map": """
        pca --perplexity 5             | --perplexity is a setting of tsne, not of pca
        tsne --n-neighbors 5           | --n-neighbors is a setting of umap, not of tsne
        lda --min-dist 0.1             | --min-dist is a setting of umap, not of lda
        pca --seed 3                   | --seed is a setting of tsne and umap, not of pca
        tsne --perplexity -3           | perplexity must be at least 1, as it is
        pca --metric cosine            | --metric is a setting of tsne and umap, not of pca, which
        lda --metric euclidean         | of lda, which is linear and looks at no neighbours
        tsne --metric chess            | '--metric': must be one of euclidean, cosine, got 'chess'
        umap --n-neighbors 0           | '--n-neighbors': must be a whole number of at least 2
        umap --min-dist nan            | min_dist must be a finite number
        tsne --seed -1                 | '--seed': must be
        som                            | 'MAP': must be one of pca, lda, tsne, umap, got 'som'
        direct                         | got 'direct'
        tsne umap                      | extra argument
    """,
    "encode": """
        data --output ''               | an empty path was given
        data --output codes.txt        | codes.txt must end in one of .npy, .npz, .parquet
        data --output data             | data must end in one of
        data --output m.safetensors/codes.npy | a part of the path m.safetensors is a file
        data data                      | extra argument
        data --max-bad 2               | max_bad must be a share between 0 and 1, got 2.0
        data --shape 28x28x2           | for example 28x28 or 32x32x3, got '28x28x2'
        data --labels names.csv        | has no column 'names.csv' of labels
        data --key codes               | data holds no embeddings: a file vectors.tsv, or
        data --drop-nonfinite          | data holds no embeddings: a file vectors.tsv, or
        data --encoder nets.py:Pair    | there is no file nets.py
        data --weights w.safetensors   | --weights is for an encoder from elsewhere
        data --layout CHWN             | '--layout': must be one of NCHW, NHWC, NHW, flat
        data --scale big               | '--scale': must be a number, got 'big'
        data --mean 1,x                | --mean takes numbers with commas between them, got '1,x'
        data --std ''                  | --std takes numbers with commas between them, got ''
        data --network nets.py:Pair    | was trained with the network 'reference', not with
    """,
    "export": """
        --output ''                    | an empty path was given
        --output m.safetensors         | is a file where a directory is needed
        --format pickle                | there is no format 'pickle'; choose from
        --format ''                    | --format takes names with commas between them, got ''
        --format onnx --network nets.py:Pair | was trained with the network 'reference', not with
    """,
    "explore": """
        --port -1                      | '--port': must be a whole number from 0 to 65535, got '-1'
        --port 99999                   | got '99999'
        --browser yes                  | extra argument
        --output ''                    | an empty path was given
        --thumbnails huge              | must be one of small, exact, got 'huge'
    """,
    "info": """
        m.safetensors                  | extra argument
        --verbose                      | No such option: --verbose
    """,
}
for name in ("run", "sweep", "train"):  # which read data in the same way
    NONSENSE[name] += READING.lstrip("\n")
# The arguments that go before, all of them right.
FIRST = {"run": "data", "sweep": "data", "train": "data"}
FIRST |= {"map": "atlas", "encode": "atlas", "explore": "atlas", "info": "atlas", "export": "atlas"}

ROWS = [
    (command, *(part.strip() for part in row.split("|")))
    for command, table in NONSENSE.items()
    for row in table.strip().splitlines()
]


@pytest.mark.parametrize(("command", "typed", "words"), ROWS)
def test_nonsense_is_refused(call: Call, here: Path, command: str, typed: str, words: str) -> None:
    before = everything(here)
    output = () if "--output" in typed or command in ("map", "info") else ("-o", "new/new.npy")
    outcome = call(command, FIRST[command], *output, *shlex.split(typed))
    check_sentence(outcome, words)
    assert everything(here) == before


def test_no_option_was_forgotten() -> None:
    flags = {"as_json", "help"}
    for name, command in GROUP.commands.items():
        known = {option.opts[-1] for option in command.params if option.name not in flags}
        tried = {
            word.partition("=")[0]
            for command_name, typed, _ in ROWS
            if command_name == name
            for word in typed.split()
        }
        assert {option for option in known if option.startswith("--")} <= tried
