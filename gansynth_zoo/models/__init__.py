"""The architectures, one file each: <Name>Generator, <Name>Discriminator."""
