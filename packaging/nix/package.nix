# For Nix: pkgs.callPackage ./package.nix { }. NOT BUILT HERE: it was written by what nixpkgs's manual says, on a machine without Nix.
# It takes the npm package of the release, which has the man page and the completions in it. Nix says what belongs in place of fakeHash.
{
  lib,
  stdenvNoCC,
  fetchurl,
  installShellFiles,
  makeWrapper,
  nodejs,
  qemu,
  util-linux,
  passt,
  openssh,
  iproute2,
}:
stdenvNoCC.mkDerivation rec {
  pname = "nbsvm";
  version = "0.1.0";

  src = fetchurl {
    url = "https://registry.npmjs.org/nbsvm/-/nbsvm-${version}.tgz";
    hash = lib.fakeHash;
  };

  nativeBuildInputs = [
    installShellFiles
    makeWrapper
  ];

  dontBuild = true;

  # A wrapper in place of a link, for nbsvm finds its programs by PATH. What a link is called (winvm) is not seen through it: class=win.
  installPhase = ''
    runHook preInstall
    installManPage dist/man/nbsvm.1
    installShellCompletion --bash --name nbsvm dist/completion/nbsvm.bash
    installShellCompletion --zsh --name _nbsvm dist/completion/_nbsvm
    installShellCompletion --fish --name nbsvm.fish dist/completion/nbsvm.fish
    mkdir -p $out/lib/node_modules/nbsvm
    cp -r dist package.json $out/lib/node_modules/nbsvm/
    rm -r $out/lib/node_modules/nbsvm/dist/{man,completion}
    makeWrapper $out/lib/node_modules/nbsvm/dist/nbsvm.cjs $out/bin/nbsvm \
      --prefix PATH : ${lib.makeBinPath [ nodejs ]} \
      --suffix PATH : ${
        lib.makeBinPath [
          qemu
          util-linux
          passt
          openssh
          iproute2
        ]
      }
    runHook postInstall
  '';

  meta = {
    description = "Create, start and talk to QEMU virtual machines from a shell";
    license = with lib.licenses; [
      isc
      mit
      mpl20
    ];
    platforms = lib.platforms.linux;
    mainProgram = "nbsvm";
  };
}
