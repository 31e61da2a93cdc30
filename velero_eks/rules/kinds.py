"""Type tokens of the resources that rules know."""

from __future__ import annotations

# Stand for the type of what a rule judges: every resource, and the deployment as a whole, once.
ANY, WHOLE = "*", "velero-eks"

# The component, by its token and by the one that it had in the first edition.
COMPONENTS = ("velero-eks:index:VeleroOnEks", "velero:eks:VeleroOnEks")
# What the types of all our components begin with.
PARTS = "velero-eks:index:"

BUCKET = "aws:s3/bucket:Bucket"
BUCKET_ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
BUCKET_INTELLIGENT_TIERING = "aws:s3/bucketIntelligentTieringConfiguration:BucketIntelligentTieringConfiguration"
BUCKET_LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
BUCKET_LOGGING = "aws:s3/bucketLogging:BucketLogging"
BUCKET_OWNERSHIP = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
BUCKET_PUBLIC_ACCESS = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
BUCKET_REPLICATION = "aws:s3/bucketReplicationConfig:BucketReplicationConfig"
BUCKET_REPLICATION_LONG = "aws:s3/bucketReplicationConfiguration:BucketReplicationConfiguration"
BUCKET_VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
BUCKET_ACL = "aws:s3/bucketAcl:BucketAcl"
KEY = "aws:kms/key:Key"
KEY_POLICY = "aws:kms/keyPolicy:KeyPolicy"
ALIAS = "aws:kms/alias:Alias"

ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
MANAGED_POLICY = "aws:iam/policy:Policy"
ROLE_ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
ROLE_ATTACHMENTS = "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive"
POLICY_ATTACHMENT = "aws:iam/policyAttachment:PolicyAttachment"
IAM_USER = "aws:iam/user:User"
ACCESS_KEY = "aws:iam/accessKey:AccessKey"

CLUSTER = "aws:eks/cluster:Cluster"
ADDON = "aws:eks/addon:Addon"
POD_IDENTITY = "aws:eks/podIdentityAssociation:PodIdentityAssociation"

NAMESPACE = "kubernetes:core/v1:Namespace"
SECRET = "kubernetes:core/v1:Secret"  # noqa: S105 - a type
RELEASE = "kubernetes:helm.sh/v3:Release"
SCHEDULE = "kubernetes:velero.io/v1:Schedule"
SNAPSHOT_CLASS = "kubernetes:snapshot.storage.k8s.io/v1:VolumeSnapshotClass"
RANDOM_PASSWORD = "random:index/randomPassword:RandomPassword"  # noqa: S105 - a type

AWS_PROVIDER = "pulumi:providers:aws"
KUBERNETES_PROVIDER = "pulumi:providers:kubernetes"

# Each setting of a bucket that is a resource of its own, by what a bucket is without it.
OF_BUCKET = {
    BUCKET_ENCRYPTION: "default encryption",
    BUCKET_LIFECYCLE: "lifecycle",
    BUCKET_OWNERSHIP: "ownership controls",
    BUCKET_PUBLIC_ACCESS: "public access block",
    BUCKET_VERSIONING: "versioning",
}
REPLICATIONS = (BUCKET_REPLICATION, BUCKET_REPLICATION_LONG)
ATTACHMENTS = (ROLE_ATTACHMENT, ROLE_ATTACHMENTS, POLICY_ATTACHMENT)

REPOSITORY_SECRET = "velero-repo-credentials"  # noqa: S105 - a name
REPOSITORY_SECRET_KEY = "repository-password"  # noqa: S105 - a name
ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"
STANDARD_DRIVER = "ebs.csi.aws.com"
AUTO_MODE_DRIVER = "ebs.csi.eks.amazonaws.com"
